import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.statistics import ratio_interval, relative_performance

from ..arrays import lone, measure

COUNT = 120
NOTHING = math.nan


def three_models():
    """Scores of a model, its reference and the base, and the labels."""
    rng = np.random.default_rng(1)
    labels = (rng.random(COUNT) < 0.5).astype(np.int8)
    model, reference, base = (gain * labels + 0.2 * rng.normal(size=COUNT) for gain in (0.4, 0.5, 0.1))
    return (model, reference, base), labels


def relative(values, scores=None, metric="spearman"):
    _, labels = three_models()
    return relative_performance(values, scores, labels, lone(COUNT), metric=metric, reference_name="standard", seed=0)


def test_values_and_intervals_equal_scipys():
    scores, labels = three_models()

    def margins(*vectors_and_labels):
        *vectors, drawn = vectors_and_labels
        return np.array([measure("margin", vector, drawn.astype(np.int8)) for vector in vectors])

    def ratio(*columns):
        return np.divide(*margins(*columns)[:2])

    def gap(*columns):
        return np.divide(*(margins(*columns)[:2] - margins(*columns)[2]))

    found = relative(tuple(margins(*scores, labels)), scores, "margin")
    gap_found = (gap, found.gap_recovered, found.gap_interval)
    for statistic, value, interval in ((ratio, found.ratio, found.interval), gap_found):
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
        ((0.4, 0.5, NOTHING), 0.8, "", NOTHING, "undefined for the base"),
    ],
)
def test_a_ratio_without_meaning_is_nan_with_its_reason(values, ratio, reason, gap, gap_reason):
    for scores in (None, three_models()[0]):
        found = relative(values, scores)
        assert (ratio, gap) == pytest.approx((found.ratio, found.gap_recovered), nan_ok=True)
        assert (reason, gap_reason) == (found.reason, found.gap_reason)
        for nothing, interval in ((reason, found.interval), (gap_reason, found.gap_interval)):
            assert math.isnan(interval.low) == bool(interval.reason) == bool(nothing or scores is None)


def test_lower_is_better_has_no_ratio_but_a_gap():
    scores, labels = three_models()
    values = tuple(measure("false_positives", vector, labels) for vector in scores)
    found = relative(values, scores, "false_positives")
    assert "lower is better: read the difference" == found.reason == found.interval.reason
    assert (values[0] - values[2]) / (values[1] - values[2]) == found.gap_recovered
    assert relative((5.0, 20.0, 10.0), metric="false_positives").gap_reason == "standard gained nothing over the base"


def test_scores_without_intervals_say_why_and_a_model_reaches_all_of_itself():
    (model, _, base), labels = three_models()
    found = relative((0.4, 0.5, 0.1), (model, np.full(COUNT, np.nan), base))
    assert f"{COUNT} of {COUNT} scores are not finite" == found.interval.reason == found.gap_interval.reason
    assert relative((0.4, 0.5, 0.1)).interval.reason == "the scores of the pairs are not known"
    value, no_skill = (measure("best_f1", scores, labels) for scores in (model, base))
    found = relative((value, value, no_skill), (model, model, base), "best_f1")
    assert (1.0,) * 4 == (found.ratio, found.interval.low, found.interval.high, found.gap_recovered)


@given(st.lists(st.tuples(st.floats(0.01, 10), st.floats(0.01, 10)), min_size=2, max_size=20))
def test_interval_is_students_of_the_logarithms(rounds):
    logs = np.log([a / b for a, b in rounds])
    ratio = ratio_interval(*zip(*rounds, strict=True))
    if logs.std() > 1e-9:  # scipy has no interval of a single point
        expected = np.exp(stats.t.interval(0.95, len(logs) - 1, loc=logs.mean(), scale=stats.sem(logs)))
        assert expected == pytest.approx([ratio.low, ratio.high], rel=1e-6)
    assert math.exp(logs.mean()) == pytest.approx(ratio.value)


def test_equal_rounds_have_a_ratio_without_doubt_and_too_few_are_an_error():
    assert (2.0, 2.0, 2.0) == pytest.approx(astuple(ratio_interval([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])))
    for first, second in (([1.0], [1.0]), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match="expected at least two rounds of both, got"):
            ratio_interval(first, second)
