"""Worse than stored is a failure where the pairs prove it, and inconclusive where they leave it open."""

from __future__ import annotations

import math
from typing import Any

import pytest

from harness.baselines import Baseline, Origin, StoredModel, StoredValue
from harness.gates import no_worse_than_stored
from harness.metrics import METRICS, MetricResult
from harness.statistics import Change

ORIGIN = Origin(eval_sha256="a" * 64, eval_pairs=0, base_name="b", base_digest="c" * 64)


def baseline(metric: str, value: float) -> Baseline:
    stored = StoredValue(value=value, tolerance=0.05, direction=METRICS[metric].direction, seeds={})
    models = {name: StoredModel(metrics={metric: stored}, categories={}, provenance={}) for name in ("base", "lora")}
    return Baseline(version=1, origin=ORIGIN, models=models, scores=[])


def verdict(
    value: float,
    low: float,
    high: float,
    *,
    model: str = "lora",
    metric: str = "auc_roc",
    p_value: float = 0.012,
    **more: Any,
) -> Any:
    change = Change(value, 0.9, value - 0.9, low, high, p_value)
    observed = MetricResult(value, "")
    return no_worse_than_stored(model, metric, observed, baseline(metric, 0.9), ORIGIN, change=change, **more)


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.8, -0.15, -0.05, "fail"),
        (0.8, -0.21, 0.01, "inconclusive"),
        (0.8, -0.2, 0.0, "inconclusive"),
        (0.8, math.nan, math.nan, "fail"),  # without an interval the tolerance decides alone
        (0.86, -0.06, -0.02, "pass"),  # worse for sure, and within what another training may be
        (0.9, -0.02, 0.02, "pass"),
        (1.0, 0.05, 0.15, "pass"),
        (math.nan, -0.2, 0.1, "fail"),
    ],
)
def test_a_regression_fails_where_the_pairs_prove_it(value: float, low: float, high: float, expected: str) -> None:
    assert expected == verdict(value, low, high).verdict


def test_the_direction_of_the_metric_decides_what_is_worse() -> None:
    assert "fail" == verdict(1.1, 0.1, 0.3, metric="false_positives").verdict
    assert "inconclusive" == verdict(1.1, -0.1, 0.5, metric="false_positives").verdict
    assert "pass" == verdict(0.1, -0.9, -0.7, metric="false_positives").verdict


def test_scores_that_do_not_give_the_stored_value_prove_nothing() -> None:
    change = Change(0.8, 0.8, 0.0, 0.0, 0.0, 1.0)  # nothing changed, by the stored scores; the stored value was edited
    observed = MetricResult(0.8, "")
    edited = no_worse_than_stored("lora", "auc_roc", observed, baseline("auc_roc", 0.9), ORIGIN, change=change)
    assert "fail" == edited.verdict


def test_the_base_is_no_sample() -> None:
    assert "fail" == verdict(0.8, -0.3, 0.1, model="base").verdict


def test_the_message_says_how_sure_it_is_and_names_pairs() -> None:
    lost = ["'a' and 'b'", "'c' and 'd'", "'e' and 'f'"]
    message = verdict(0.8, -0.15, -0.05, flipped=lost, more=1).message
    assert (
        "lora auc_roc 0.800, stored 0.900, tolerance 0.050: worse by 0.100 (95 % interval of the change -0.150 to "
        "-0.050, p 0.012); now wrong: 'a' and 'b'; 'c' and 'd'; 'e' and 'f' and 1 more"
    ) == message


def test_an_open_question_is_named_as_one() -> None:
    message = verdict(0.8, -0.21, 0.01).message
    assert message.endswith(
        "worse by 0.100 (95 % interval of the change -0.210 to +0.010, p 0.012): not sure on these pairs"
    )


@pytest.mark.parametrize(
    ("p_value", "shown"),
    [
        (1 / 2001, ", p < 0.001)"),
        (0.00099, ", p < 0.001)"),
        (0.001, ", p 0.001)"),
        (0.062, ", p 0.062)"),
        (1, ", p 1.000)"),
    ],
)
def test_a_p_value_is_never_shown_as_zero(p_value: float, shown: str) -> None:
    message = verdict(0.8, -0.15, -0.05, p_value=p_value).message
    assert message.endswith(f"(95 % interval of the change -0.150 to -0.050{shown}")


def test_without_a_p_value_the_interval_stands_alone() -> None:
    assert verdict(0.8, -0.15, -0.05, p_value=math.nan).message.endswith("of the change -0.150 to -0.050)")


@pytest.mark.parametrize(
    ("high", "shown", "expected"),
    [
        (-0.0004, "-0.165 to just below 0", "fail"),
        (0.0004, "-0.165 to just above 0", "inconclusive"),
        (0.0, "-0.165 to 0.000", "inconclusive"),
        (-0.0, "-0.165 to 0.000", "inconclusive"),
        (-0.0005001, "-0.165 to -0.001", "fail"),
        (0.0006, "-0.165 to +0.001", "inconclusive"),
    ],
)
def test_an_end_says_on_which_side_of_zero_it_is(high: float, shown: str, expected: str) -> None:
    found = verdict(0.8, -0.165, high)
    assert expected == found.verdict
    assert f"(95 % interval of the change {shown}, p" in found.message


def test_an_end_of_a_count_is_shown_as_one() -> None:
    found = verdict(1.1, 0.04, 3.0, metric="false_positives")
    assert "(95 % interval of the change just above 0 to +3, p" in found.message


def test_an_improvement_says_that_the_baseline_could_be_raised() -> None:
    assert verdict(1.0, 0.05, 0.15).message.endswith("better by 0.100; the baseline could be raised")
