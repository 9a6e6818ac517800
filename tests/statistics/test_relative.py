"""Relative performance and gap recovered, against ratios that are resampled with scipy."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.statistics import RelativePerformance, ratio_interval, relative_performance

from ..arrays import lone, measure

COUNT = 120
NOTHING = math.nan


def three_models() -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Scores of a model, its reference and the base, and the labels."""
    rng = np.random.default_rng(1)
    labels = (rng.random(COUNT) < 0.5).astype(np.int8)
    model, reference, base = (gain * labels + 0.2 * rng.normal(size=COUNT) for gain in (0.4, 0.5, 0.1))
    return (model, reference, base), labels


def relative(values, scores=None, metric="spearman") -> RelativePerformance:
    _, labels = three_models()
    return relative_performance(values, scores, labels, lone(COUNT), metric=metric, reference_name="standard", seed=0)


def test_values_and_intervals_equal_scipys() -> None:
    scores, labels = three_models()

    def margins(*columns):
        *vectors, resampled = columns
        return [measure("margin", vector, resampled.astype(np.int8)) for vector in vectors]

    def ratio(*columns):
        model, reference, _ = margins(*columns)
        return model / reference

    def gap(*columns):
        model, reference, base = margins(*columns)
        return (model - base) / (reference - base)

    found = relative(tuple(margins(*scores, labels)), scores, "margin")
    for statistic, value, interval in (
        (ratio, found.ratio, found.interval),
        (gap, found.gap_recovered, found.gap_interval),
    ):
        assert statistic(*scores, labels) == pytest.approx(value, abs=1e-12)
        expected = stats.bootstrap(
            (*scores, labels), statistic, paired=True, vectorized=False, n_resamples=2000, method="percentile", rng=4
        ).confidence_interval
        assert tuple(expected) == pytest.approx((interval.low, interval.high), abs=0.1 * (expected.high - expected.low))


@pytest.mark.parametrize(
    ("values", "ratio", "reason", "gap", "gap_reason"),
    [
        ((0.45, 0.5, -0.5), 0.9, "", 0.95, ""),
        ((0.4, 0.4, 0.4), 1.0, "", NOTHING, "standard gained nothing over the base"),
        ((-0.1, 0.0, -0.5), NOTHING, "standard is not above 0: it did not learn", 0.8, ""),
        ((0.1, NOTHING, 0.0), NOTHING, "undefined for standard", NOTHING, "undefined for standard"),
        ((NOTHING, 0.5, 0.0), NOTHING, "undefined for the model", NOTHING, "undefined for the model"),
        ((0.4, 0.5, NOTHING), 0.8, "", NOTHING, "undefined for the base"),
    ],
)
def test_a_ratio_without_meaning_is_nan_with_its_reason(values, ratio, reason, gap, gap_reason) -> None:
    for scores in (None, three_models()[0]):
        found = relative(values, scores)
        assert (ratio, gap) == pytest.approx((found.ratio, found.gap_recovered), nan_ok=True)
        assert (reason, gap_reason) == (found.reason, found.gap_reason)
        for nothing, interval in ((reason, found.interval), (gap_reason, found.gap_interval)):
            assert math.isnan(interval.low) == bool(interval.reason) == bool(nothing or scores is None)


def test_lower_is_better_has_no_ratio_but_a_gap() -> None:
    scores, labels = three_models()
    values = tuple(measure("false_positives", vector, labels) for vector in scores)
    found = relative(values, scores, "false_positives")
    assert "lower is better: read the difference" == found.reason == found.interval.reason
    assert (values[0] - values[2]) / (values[1] - values[2]) == found.gap_recovered
    assert relative((5.0, 20.0, 10.0), metric="false_positives").gap_reason == "standard gained nothing over the base"


def test_scores_without_intervals_say_why() -> None:
    scores, _ = three_models()
    found = relative((0.4, 0.5, 0.1), (scores[0], np.full(COUNT, np.nan), scores[2]))
    assert f"{COUNT} of {COUNT} scores are not finite" == found.interval.reason == found.gap_interval.reason
    assert relative((0.4, 0.5, 0.1)).interval.reason == "the scores of the pairs are not known"


def test_a_model_reaches_all_of_itself() -> None:
    (model, _, base), labels = three_models()
    value, no_skill = measure("best_f1", model, labels), measure("best_f1", base, labels)
    found = relative((value, value, no_skill), (model, model, base), "best_f1")
    assert (1.0, 1.0, 1.0) == (found.ratio, found.interval.low, found.interval.high)
    assert 1.0 == found.gap_recovered


@given(st.lists(st.tuples(st.floats(0.01, 10), st.floats(0.01, 10)), min_size=2, max_size=20))
def test_interval_is_students_of_the_logarithms(rounds: list[tuple[float, float]]) -> None:
    logs = np.log([a / b for a, b in rounds])
    ratio = ratio_interval(*zip(*rounds, strict=True))
    if logs.std() > 1e-9:  # scipy has no interval of a single point
        expected = np.exp(stats.t.interval(0.95, len(logs) - 1, loc=logs.mean(), scale=stats.sem(logs)))
        assert expected == pytest.approx([ratio.low, ratio.high], rel=1e-6)
    assert math.exp(logs.mean()) == pytest.approx(ratio.value)


def test_equal_rounds_have_a_ratio_without_doubt() -> None:
    assert (2.0, 2.0, 2.0) == pytest.approx(astuple(ratio_interval([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])))


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0]), ([], []), ([1.0, 2.0], [1.0])])
def test_too_few_rounds_are_an_error(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="expected at least two rounds of both, got"):
        ratio_interval(first, second)
