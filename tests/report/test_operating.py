"""The report names the threshold from the training pairs, what it achieves, and how far eval's own one flatters."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from harness.operating import QUANTITIES
from harness.report import results_json, summary_html

if TYPE_CHECKING:
    from harness.operating import OperatingPoint
    from harness.report import CaseReport


def text_of(report: CaseReport) -> str:
    return " ".join(summary_html([report], {}).split())


def with_point(report: CaseReport, **changes: Any) -> CaseReport:
    """The report with another operating point of lora, and none of the others."""
    return dataclasses.replace(report, operating={"lora": dataclasses.replace(report.operating["lora"], **changes)})


def estimates(point: OperatingPoint, **values: float) -> dict[str, Any]:
    return {**point.values, **{name: point.values[name]._replace(value=value) for name, value in values.items()}}


@pytest.fixture
def told(report: CaseReport) -> CaseReport:
    """F1 0.84 and 42 false positives at 0.41; 0.86 and 37 at 0.38."""
    point = report.operating["lora"]
    return with_point(
        report,
        threshold=0.41,
        own_threshold=0.38,
        values=estimates(point, f1=0.84, false_positives=42.0),
        apparent={**point.apparent, "f1": 0.86, "false_positives": 37.0},
    )


def test_a_sentence_says_it_in_words(told: CaseReport) -> None:
    assert (
        "At the threshold 0.410, chosen on the training pairs, lora has F1 0.840 and 42 false positives; the best "
        "threshold on the evaluation pairs themselves, 0.380, would say F1 0.860 and 37 false positives: that is the "
        "optimism."
    ) in text_of(told)


def test_the_same_is_no_optimism(told: CaseReport) -> None:
    point = told.operating["lora"]
    same = {**point.apparent, "f1": 0.84, "false_positives": 42.0}
    assert "themselves, 0.380, would say the same." in text_of(with_point(told, apparent=same))


def test_a_threshold_that_means_nothing_is_named(told: CaseReport) -> None:
    words = "on the training pairs, calling every pair positive is as good"
    assert words not in text_of(told)
    assert words in text_of(with_point(told, degenerate=True))
    own = text_of(with_point(told, own_degenerate=True))
    assert "on the evaluation pairs, calling every pair positive is as good" in own


def test_every_value_is_shown_with_its_interval_and_its_optimism(told: CaseReport) -> None:
    page = text_of(told)
    for quantity in QUANTITIES.values():
        assert f'<th scope="row">{quantity.title}<small>{quantity.unit}, {quantity.direction} is better' in page
    assert "<dt>optimism</dt><dd>+0.020</dd>" in page
    assert "<dt>optimism</dt><dd>+5</dd>" in page
    brier = told.operating["lora"].values["brier"]
    assert f"<dd>{brier.low:.3f} to {brier.high:.3f}</dd>" in page


def test_undefined_is_said_with_its_reason(undefined_report: CaseReport) -> None:
    page = text_of(undefined_report)
    assert "lora has no threshold: 90 of 90 scores are not finite." in page
    content = results_json([undefined_report], {})["cases"]["synthetic"]["models"]["lora"]["operating_point"]
    assert (None, None) == (content["threshold"], content["values"]["f1"]["value"])
    assert "90 of 90 scores are not finite" == content["values"]["f1"]["reason"]


def test_without_an_operating_point_nothing_is_shown(report: CaseReport) -> None:
    bare = dataclasses.replace(report, operating={})
    assert "With a threshold from the training pairs" not in text_of(bare)
    assert "operating_point" not in results_json([bare], {})["cases"]["synthetic"]["models"]["lora"]


def test_results_hold_both_thresholds_and_what_they_achieve(told: CaseReport) -> None:
    content = json.loads(json.dumps(results_json([told], {}), allow_nan=False))
    point = content["cases"]["synthetic"]["models"]["lora"]["operating_point"]
    assert (0.41, 0.38) == (point["threshold"], point["eval_threshold"])
    assert list(QUANTITIES) == list(point["values"])
    alarms = point["values"]["false_positives"]
    assert (42, 37, 5) == (alarms["value"], alarms["at_eval_threshold"], alarms["optimism"])
    assert {"value", "interval", "guess"} == point["values"]["average_precision"].keys()
    assert point["values"]["brier"]["guess"] == pytest.approx(2 / 9)  # two of three pairs are positive


def test_a_name_from_the_case_is_shown_as_text(told: CaseReport) -> None:
    name = "<script>alert(1)</script>"
    point = told.operating["lora"]
    evil = dataclasses.replace(
        told, models=(name,), runs={name: told.runs["lora"]}, operating={name: point}, verdicts=(), more={}
    )
    object.__setattr__(evil, "case", told.case.model_copy(update={"models": {name: told.case.models["lora"]}}))
    assert name not in text_of(evil)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; has F1 0.840" in text_of(evil)


def test_no_number_is_undefined_in_a_whole_report(report: CaseReport) -> None:
    assert not any(math.isnan(point.values["f1"].value) for point in report.operating.values())
