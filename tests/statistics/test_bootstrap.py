import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtr

from harness.metrics import METRICS
from harness.metrics.auc_roc import auc_roc
from harness.statistics import compare, intervals
from harness.statistics.intervals import percentile_interval

from ..arrays import SEEDS, lone, measure, two_models


def sample(seed, count, *, decimals=15):
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.55).astype(np.int8)
    return (0.2 * labels + 0.2 * rng.normal(size=count)).round(decimals), labels


def ends(interval):
    return interval.low, interval.high


def scipys(name, scores, labels, method="percentile"):
    """The interval of scipy."""
    result = stats.bootstrap(
        (scores, labels), partial(measure, name), paired=True, vectorized=False, n_resamples=2000, method=method, rng=4
    )
    return tuple(result.confidence_interval)


@pytest.mark.parametrize("decimals", [1, 15])
def test_unclustered_intervals_equal_scipys(decimals):
    scores, labels = sample(1, 80, decimals=decimals)
    clusters = np.random.default_rng(2).integers(-1, 3, 80)
    actual = intervals(scores, labels, lone(80), seed=3, clusters=clusters)
    for name in ("spearman", "margin", "cohens_d", "auc_roc", "false_positives"):
        expected = scipys(name, scores, labels)
        # Four standard errors of the difference of two 2.5 % quantiles of 2,000 normal values; more for whole numbers.
        share = 0.12 if name == "false_positives" else 0.09
        assert expected == pytest.approx(ends(actual[name]), abs=share * (expected[1] - expected[0]))


def delong(scores, labels):
    """AUCs of rows of scores, and their covariances: a closed form of 1988 that shares no idea with the bootstrap."""
    positive, negative = scores[:, labels == 1], scores[:, labels == 0]
    difference = positive[:, :, np.newaxis] - negative[:, np.newaxis, :]
    wins = (difference > 0) + (difference == 0) / 2
    of_positive, of_negative = wins.mean(axis=2), wins.mean(axis=1)
    covariance = np.cov(of_positive) / positive.shape[1] + np.cov(of_negative) / negative.shape[1]
    return wins.mean(axis=(1, 2)), covariance


@pytest.mark.parametrize("decimals", [1, 15])
def test_the_auc_and_its_change_have_the_intervals_and_the_p_value_of_delong(decimals):
    *scores, labels = two_models(1, 300, decimals=decimals, gain=0.1)
    aucs, covariance = delong(np.stack(scores), labels)
    for row in (0, 1):
        assert aucs[row] == pytest.approx(auc_roc(scores[row], labels).value, abs=1e-12)
        low, high = ends(intervals(scores[row], labels, lone(300), seed=1, resamples=4000)["auc_roc"])
        half = 1.959964 * np.sqrt(covariance[row, row])
        assert 2 * half == pytest.approx(high - low, rel=0.06)
        assert (aucs[row] - half, aucs[row] + half) == pytest.approx((low, high), abs=0.2 * half)
    found = compare(*scores, labels, lone(300), seed=1, resamples=4000)["auc_roc"]
    deviation = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert aucs[0] - aucs[1] == pytest.approx(found.change, abs=1e-12)
    assert 2 * 1.959964 * deviation == pytest.approx(found.high - found.low, rel=0.06)
    assert 2 * ndtr(-found.change / deviation) == pytest.approx(found.p_value, abs=0.03)
    assert 0.02 < found.p_value < 0.3


def test_best_f1_is_corrected_for_its_bias_as_scipys_bca_is():
    scores, labels = sample(1, 80)
    expected = scipys("best_f1", scores, labels, "BCa")
    actual = intervals(scores, labels, lone(80), seed=3)["best_f1"]
    assert expected == pytest.approx(ends(actual), abs=0.15 * (expected[1] - expected[0]))
    plain = scipys("best_f1", scores, labels)
    assert actual.low < plain[0]
    assert actual.high < plain[1]


def test_correction_by_hand_and_a_bias_larger_than_the_interval_leaves_none():
    values = np.arange(100_001) / 100_000
    # A tenth of the values lies below: bias -1.2816, ends at the probabilities of 2 * -1.2816 -+ 1.96.
    expected = stats.norm.cdf(2 * stats.norm.ppf(0.1) + stats.norm.ppf([0.025, 0.975]))
    assert expected == pytest.approx(ends(percentile_interval(0.1, values, 99, corrected=True)), abs=1e-4)
    for observed in (-1.0, 0.02, 0.98, 2.0):
        found = percentile_interval(observed, values, 99, corrected=True)
        assert "all too high or all too low" in found.reason
        assert np.isnan(ends(found)).all()


def stars(rng):
    """40 texts with 5 partners each, who meet nobody else."""
    return np.stack([np.repeat(np.arange(40), 5), 1000 + np.arange(200)], axis=1), rng.permutation(40) % 2


def crossed(rng):
    """30 texts with 20 others in one component."""
    chosen = rng.choice(600, size=300, replace=False)
    return np.stack([chosen // 20, 1000 + chosen % 20], axis=1), rng.permutation(30) % 2


@pytest.mark.parametrize("design", [stars, crossed])
def test_the_share_of_other_texts_that_intervals_hold(design):
    """Texts have effects of their own: intervals that ignore the texts are far too narrow."""
    held = {"texts": 0, "pairs": 0}
    for trial in range(100):
        rng = np.random.default_rng(trial)
        rows, label_of_text = design(rng)
        labels = label_of_text[rows[:, 0]].astype(np.int8)
        effects = 0.2 * rng.normal(size=1300)
        scores = 0.3 * labels + effects[rows[:, 0]] + 0.1 * rng.normal(size=len(labels))
        for way, drawn in (("texts", rows), ("pairs", lone(len(rows)))):
            found = intervals(scores, labels, drawn, seed=trial, resamples=300)["margin"]
            held[way] += found.low <= 0.3 <= found.high
    assert 90 <= held["texts"] <= 98
    assert held["pairs"] < 75


@settings(max_examples=60)
@given(SEEDS, st.integers(2, 60), st.integers(1, 80), st.sampled_from([1, 2, 15]))
def test_intervals_are_in_range_or_nan_with_reason_whatever_the_order(seed, count, texts, decimals):
    rng = np.random.default_rng(seed)
    scores, labels = sample(seed, count, decimals=decimals)
    rows, clusters, order = rng.integers(0, texts, (count, 2)), rng.integers(-1, 3, count), rng.permutation(count)
    found = intervals(scores, labels, rows, seed=1, clusters=clusters, resamples=60)
    moved = scores[order], labels[order], rows[order][:, ::-1]
    moved = intervals(*moved, seed=1, clusters=clusters[order], resamples=60)
    assert list(METRICS) == list(found)
    for name, interval in found.items():
        low, high = ends(interval)
        assert math.isnan(low) == math.isnan(high) == bool(interval.reason)
        assert interval.reason or METRICS[name].low <= low <= high <= METRICS[name].high
        assert (low, high) == pytest.approx(ends(moved[name]), nan_ok=True, rel=1e-9, abs=1e-12)


def test_too_many_undefined_resamples_or_a_handful_of_texts_have_no_interval():
    scores, labels = sample(1, 60)
    for texts, defined in ((1, False), (5, False), (6, True)):
        rows = np.stack([np.arange(60) % texts, 100 + np.arange(60)], axis=1)
        found = intervals(scores, labels, rows, seed=1, resamples=50)["auc_roc"]
        assert defined == (not math.isnan(found.low))
        assert found.reason == ("" if defined else f"an interval needs 6 texts or groups to draw, found {texts}")
    for positives, defined in ((2, False), (4, True)):  # a twentieth of the resamples may have no value
        found = intervals(scores, (np.arange(60) < positives).astype(np.int8), lone(60), seed=1)["margin"]
        assert defined == (not math.isnan(found.low))
        assert defined or " resamples have no value" in found.reason


def test_pairs_of_which_nothing_can_be_computed_are_nan_with_the_reason():
    for labels, scores, reason in (
        ([1, 1, 1], [0.1, 0.2, 0.3], "an interval needs both labels: 3 positive, 0 negative pairs"),
        ([1, 0, 1], [0.1, math.nan, 0.3], "1 of 3 scores are not finite"),
        ([], [], "an interval needs pairs: there are none"),
    ):
        arrays = np.array(scores), np.array(labels, dtype=np.int8), lone(len(scores))
        found, changes = intervals(*arrays, seed=1, resamples=9), compare(arrays[0], *arrays, seed=1)
        assert list(METRICS) == list(found) == list(changes)
        assert all(math.isnan(interval.low) for interval in found.values())
        assert all(math.isnan(change.change) for change in changes.values())
        assert {reason} == {result.reason for result in (*found.values(), *changes.values())}


def test_wrong_arguments_are_errors():
    scores, labels = sample(1, 10)
    with pytest.raises(ValueError, match="text_rows must have one value per pair: came 9, expected 10"):
        intervals(scores, labels, lone(9), seed=1)
    with pytest.raises(ValueError, match="clusters must have one value per pair: came 9, expected 10"):
        intervals(scores, labels, lone(10), seed=1, clusters=np.zeros(9, dtype=int))
    with pytest.raises(ValueError, match="at least one draw is needed, came 0"):
        intervals(scores, labels, lone(10), seed=1, resamples=0)
