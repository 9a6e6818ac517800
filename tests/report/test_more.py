"""Further pairs stand beside the evaluation pairs, with how much narrower their intervals are."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from harness.metrics import METRICS, MetricResult
from harness.report import results_json, summary_html
from harness.statistics import Interval
from harness.uncertainty import Uncertainty

if TYPE_CHECKING:
    from harness.report import CaseReport


def text_of(report: CaseReport) -> str:
    return " ".join(summary_html([report], {}).split())


def told(report: CaseReport, metric: str, here: Interval, there: Interval, **changes: Any) -> CaseReport:
    """The report where only one interval of lora is known, on either set of pairs."""
    further = report.more["large"]
    evaluation, _ = further.measured["lora"]
    sure = Uncertainty({metric: there}, {}, (), ())
    further = dataclasses.replace(further, measured={"lora": (evaluation, sure)}, **changes)
    here_sure = {"lora": Uncertainty({metric: here}, {}, (), ())}
    return dataclasses.replace(report, uncertainty=here_sure, more={"large": further})


def share(report: CaseReport, metric: str) -> Any:
    content = json.loads(json.dumps(results_json([report], {}), allow_nan=False))
    return content["cases"]["synthetic"]["more"]["large"]["models"]["lora"][metric]["width_share"]


def test_both_values_stand_there_with_their_intervals(report: CaseReport) -> None:
    shown = told(report, "auc_roc", Interval(0.7, 0.9), Interval(0.8, 0.89))
    here, there = (
        e.metrics["auc_roc"].value for e in (shown.runs["lora"].evaluation, shown.more["large"].measured["lora"][0])
    )
    page = text_of(shown)
    assert (
        f"<strong>{there:.3f}</strong> <dl> <div><dt>interval</dt><dd>0.800 to 0.890</dd></div> "
        f"<div><dt>eval</dt><dd>{here:.3f}</dd></div> <div><dt>its interval</dt><dd>0.700 to 0.900</dd></div> </dl> "
        "<small>0.45 of the width</small>"
    ) in page
    assert "on the 180 pairs of large" in page
    assert "beside the 90 evaluation pairs. As independent as those, they would give 0.71 of the width" in page


def test_a_number_of_pairs_is_compared_as_a_share_of_the_negative_ones(report: CaseReport) -> None:
    """30 of 90 and 60 of 180 pairs are negative: twice as wide is as wide."""
    assert 1.0 == pytest.approx(
        share(told(report, "false_positives", Interval(1, 3), Interval(2, 6)), "false_positives")
    )
    assert 0.5 == pytest.approx(share(told(report, "margin", Interval(0, 2), Interval(2, 3)), "margin"))


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (Interval(float("nan"), float("nan"), "too few"), Interval(0, 1)),
        (Interval(0, 1), Interval(float("nan"), float("nan"), "too few")),
        (Interval(1, 1), Interval(0, 1)),
    ],
)
def test_without_two_widths_there_is_no_share(report: CaseReport, here: Interval, there: Interval) -> None:
    shown = told(report, "margin", here, there)
    assert share(shown, "margin") is None
    assert "<small>0." not in text_of(shown)
    assert ("<small>too few</small>" in text_of(shown)) == bool(there.reason)


def test_more_independent_pairs_are_surer(report: CaseReport) -> None:
    """Twice as many: the widths of the two intervals are as 1 to the root of 2, and the bootstrap is a bootstrap."""
    from harness.uncertainty import measure

    sure = {name: measure(run.evaluation, report.pairs, None, ()) for name, run in report.runs.items()}
    assert 0.5 < share(dataclasses.replace(report, uncertainty=sure), "margin") < 0.95


def test_pairs_that_are_in_train_are_said(report: CaseReport) -> None:
    assert "in the training data, and say nothing" not in text_of(report)
    leaky = dataclasses.replace(report.more["large"], in_train=1234)
    page = text_of(dataclasses.replace(report, more={"large": leaky}))
    assert "1,234 of its pairs are in the training data, and say nothing about new ones." in page


def test_undefined_is_said_with_its_reason(undefined_report: CaseReport) -> None:
    content = results_json([undefined_report], {})["cases"]["synthetic"]["more"]["large"]
    for metrics in content["models"].values():
        assert list(METRICS) == list(metrics)
        for value in metrics.values():
            assert (None, None, None) == (value["value"], value["interval"], value["width_share"])
            assert "90 of 90 scores are not finite" == value["reason"]


def test_without_further_pairs_nothing_is_shown(report: CaseReport) -> None:
    bare = dataclasses.replace(report, more={})
    assert "On further pairs" not in text_of(bare)
    assert "more" not in results_json([bare], {})["cases"]["synthetic"]


def test_a_reason_from_the_data_is_shown_as_text(report: CaseReport) -> None:
    further = report.more["large"]
    evaluation, sure = further.measured["lora"]
    reason = "<img src=x onerror=alert(1)>"
    metrics = {**evaluation.metrics, "margin": MetricResult(float("nan"), reason)}
    measured = {**further.measured, "lora": (dataclasses.replace(evaluation, metrics=metrics), sure)}
    page = text_of(dataclasses.replace(report, more={"large": dataclasses.replace(further, measured=measured)}))
    assert reason not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
