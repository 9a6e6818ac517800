from __future__ import annotations

import math
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.metrics import METRICS
from harness.metrics.ranking import auc_roc, spearman
from harness.metrics.separation import cohens_d, margin
from harness.metrics.threshold import best_f1, false_positives
from harness.statistics import Interval, intervals
from harness.statistics.bootstrap import percentile_interval


def sample(seed, count, *, decimals=15):
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.55).astype(np.int8)
    return (0.2 * labels + 0.2 * rng.normal(size=count)).round(decimals), labels


def lone(count):
    """Texts of pairs that have none in common."""
    return np.arange(2 * count).reshape(count, 2)


@pytest.mark.parametrize("decimals", [1, 15])
def test_unclustered_intervals_equal_scipys(decimals):
    scores, labels = sample(1, 80, decimals=decimals)
    clusters = np.random.default_rng(2).integers(-1, 3, 80)
    actual = intervals(scores, labels, lone(80), seed=3, clusters=clusters)
    for name, metric in (("spearman", spearman), ("margin", margin), ("cohens_d", cohens_d), ("auc_roc", auc_roc)):
        expected = scipys(lambda s, y, metric=metric: metric(s, y).value, scores, labels)
        # Four standard errors of the difference of two 2.5 % quantiles of 2,000 normal values.
        assert expected == pytest.approx(actual[name][:2], abs=0.09 * (expected[1] - expected[0]))
    counts = scipys(lambda s, y: false_positives(s, y, ("",) * len(s)).value, scores, labels)
    assert counts == pytest.approx(actual["false_positives"][:2], abs=0.12 * (counts[1] - counts[0]))


def scipys(statistic, scores, labels):
    """The percentile interval of scipy."""
    result = stats.bootstrap(
        (scores, labels), statistic, paired=True, vectorized=False, n_resamples=2000, method="percentile", rng=4
    )
    return tuple(result.confidence_interval)


def test_best_f1_is_corrected_for_its_bias_as_scipys_bca_is():
    scores, labels = sample(1, 80)
    expected = stats.bootstrap(
        (scores, labels),
        lambda s, y: best_f1(s, y).value,
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="BCa",
        rng=4,
    ).confidence_interval
    actual = intervals(scores, labels, lone(80), seed=3)["best_f1"]
    assert tuple(expected) == pytest.approx(actual[:2], abs=0.15 * (expected[1] - expected[0]))
    plain = scipys(lambda s, y: best_f1(s, y).value, scores, labels)
    assert actual.low < plain[0]
    assert actual.high < plain[1]


def test_correction_by_hand():
    # A tenth of the values lies below: bias -1.2816, ends at the probabilities of 2 * -1.2816 -+ 1.96.
    values = np.arange(100_001) / 100_000
    expected = stats.norm.cdf(2 * stats.norm.ppf(0.1) + stats.norm.ppf([0.025, 0.975]))
    assert expected == pytest.approx(percentile_interval(0.1, values, 99, corrected=True)[:2], abs=1e-4)


@pytest.mark.parametrize("observed", [-1.0, 0.02, 0.98, 2.0])
def test_a_bias_larger_than_the_interval_leaves_none(observed):
    """The corrected ends would run together on the far side: no certainty at all, and without the value in it."""
    found = percentile_interval(observed, np.arange(100_001) / 100_000, 99, corrected=True)
    assert "the resamples are all too high or all too low to say how far the value moves" == found.reason
    assert np.isnan(found[:2]).all()


def test_an_unbiased_correction_changes_nothing():
    values = np.random.default_rng(0).normal(size=1000)
    expected = percentile_interval(float(np.median(values)), values, 99)
    assert expected[:2] == pytest.approx(percentile_interval(float(np.median(values)), values, 99, corrected=True)[:2])
    assert Interval(1.0, 1.0) == percentile_interval(1.0, np.ones(50), 99, corrected=True)


def test_the_share_of_other_texts_that_intervals_hold():
    """Stars and crossed texts with effects of their own: intervals that ignore the texts are far too narrow."""
    covered = {(design, way): 0 for design in ("stars", "crossed") for way in ("texts", "pairs")}
    trials = 200
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        for design in ("stars", "crossed"):
            if design == "stars":  # 40 texts with 5 partners each, who meet nobody else
                rows = np.stack([np.repeat(np.arange(40), 5), 1000 + np.arange(200)], axis=1)
                label_of_text = rng.permutation(40) % 2
            else:  # 30 texts with 20 others in one component
                chosen = rng.choice(600, size=300, replace=False)
                rows = np.stack([chosen // 20, 1000 + chosen % 20], axis=1)
                label_of_text = rng.permutation(30) % 2
            labels = label_of_text[rows[:, 0]].astype(np.int8)
            effects = 0.2 * rng.normal(size=1300)
            scores = 0.3 * labels + effects[rows[:, 0]] + 0.1 * rng.normal(size=len(labels))
            for way, drawn in (("texts", rows), ("pairs", lone(len(rows)))):
                low, high, _ = intervals(scores, labels, drawn, seed=trial, resamples=300)["margin"]
                covered[design, way] += low <= 0.3 <= high
    shares = {key: count / trials for key, count in covered.items()}
    for design in ("stars", "crossed"):
        assert 0.90 <= shares[design, "texts"] <= 0.985
        assert shares[design, "pairs"] < 0.75


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 15]))
def test_order_of_pairs_and_of_their_texts_does_not_matter(seed, decimals):
    rng = np.random.default_rng(seed)
    scores, labels = sample(seed, 60, decimals=decimals)
    rows, clusters, order = rng.integers(0, 40, (60, 2)), rng.integers(-1, 3, 60), rng.permutation(60)
    expected = intervals(scores, labels, rows, seed=1, clusters=clusters, resamples=99)
    actual = intervals(
        scores[order], labels[order], rows[order][:, ::-1], seed=1, clusters=clusters[order], resamples=99
    )
    for name in METRICS:
        assert expected[name][:2] == pytest.approx(actual[name][:2], nan_ok=True, rel=1e-9, abs=1e-12)


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(1, 80))
def test_intervals_are_in_range_or_nan_with_reason(seed, count, texts):
    rng = np.random.default_rng(seed)
    scores, labels = sample(seed, count, decimals=int(rng.integers(1, 4)))
    clusters = rng.integers(-1, 3, count)
    found = intervals(scores, labels, rng.integers(0, texts, (count, 2)), seed=seed, clusters=clusters, resamples=40)
    assert list(METRICS) == list(found)
    for name, (low, high, reason) in found.items():
        assert math.isnan(low) == math.isnan(high) == bool(reason)
        assert reason or METRICS[name].low <= low <= high <= METRICS[name].high


def test_same_seed_same_interval_other_seed_nearly_the_same():
    scores, labels = sample(5, 100)
    first, again, other = (intervals(scores, labels, lone(100), seed=seed)["auc_roc"] for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first[:2] == pytest.approx(other[:2], abs=0.09 * (first.high - first.low))


def test_more_pairs_make_narrower_intervals():
    widths = []
    for count in (50, 500, 5000):
        low, high, _ = intervals(*sample(6, count), lone(count), seed=1, resamples=300)["spearman"]
        widths.append(high - low)
    for wider, narrower in pairwise(widths):
        assert math.sqrt(10) == pytest.approx(wider / narrower, rel=0.3)


def test_perfect_scores_are_perfect_in_every_resample():
    labels = (np.arange(60) % 2).astype(np.int8)
    found = intervals(labels + 0.1 * np.random.default_rng(0).random(60), labels, lone(60), seed=1, clusters=labels)
    for name in ("auc_roc", "best_f1", "cluster_purity"):
        assert Interval(1.0, 1.0) == found[name]
    assert Interval(0.0, 0.0) == found["false_positives"]


@pytest.mark.parametrize(
    ("scores", "labels", "reason"),
    [
        ([0.1, 0.2, 0.3], [1, 1, 1], "an interval needs both labels: 3 positive, 0 negative pairs"),
        ([0.1, math.nan, 0.3], [1, 0, 1], "1 of 3 scores are not finite"),
        ([], [], "an interval needs pairs: there are none"),
    ],
)
def test_what_no_metric_can_be_computed_of_is_nan_with_the_reason(scores, labels, reason):
    found = intervals(np.array(scores), np.array(labels, dtype=np.int8), lone(len(scores)), seed=1, resamples=9)
    assert list(METRICS) == list(found)
    for low, high, actual in found.values():
        assert (math.isnan(low), math.isnan(high), reason) == (True, True, actual)


def test_more_than_a_twentieth_of_undefined_resamples_is_nan():
    scores, labels = sample(1, 40)
    for positives, defined in ((1, False), (2, False), (4, True)):
        labels[:] = np.arange(40) < positives
        low, _, reason = intervals(scores, labels, lone(40), seed=1, resamples=1000)["margin"]
        assert defined == (not math.isnan(low))
        assert defined or reason.endswith(" of 1000 resamples have no value")


def test_pairs_of_a_handful_of_texts_have_no_interval():
    scores, labels = sample(1, 60)
    for texts, defined in ((1, False), (5, False), (6, True)):
        rows = np.stack([np.arange(60) % texts, 100 + np.arange(60)], axis=1)
        low, _, reason = intervals(scores, labels, rows, seed=1, resamples=50)["auc_roc"]
        assert defined == (not math.isnan(low))
        assert reason == ("" if defined else f"an interval needs 6 texts or groups to draw, found {texts}")


def test_a_metric_without_a_value_has_no_interval():
    labels = (np.arange(20) % 2).astype(np.int8)
    found = intervals(np.full(20, 0.5), labels, lone(20), seed=1, resamples=50)
    expected = "the metric has no value for these pairs"
    assert expected == found["spearman"].reason == found["cohens_d"].reason == found["cluster_purity"].reason
    assert Interval(0.5, 0.5) == found["auc_roc"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_rows": lone(9)}, "text_rows must have one value per pair: came 9, expected 10"),
        ({"labels": np.zeros(9, dtype=np.int8)}, "labels must have one value per pair: came 9, expected 10"),
        ({"clusters": np.zeros(9, dtype=int)}, "clusters must have one value per pair: came 9, expected 10"),
        ({"text_rows": np.zeros(10, dtype=int)}, r"text_rows must be integers of shape \(n_pairs, 2\)"),
        ({"resamples": 0}, "at least one draw is needed, came 0"),
    ],
)
def test_wrong_arguments_are_errors(changes, message):
    scores, labels = sample(1, 10)
    arguments = {"scores": scores, "labels": labels, "text_rows": lone(10), "seed": 1, **changes}
    with pytest.raises(ValueError, match=message):
        intervals(**arguments)


def test_memory_does_not_grow_with_the_number_of_resamples():
    scores, labels = sample(1, 20_000)
    peaks = []
    for resamples in (50, 400):
        tracemalloc.start()
        intervals(scores, labels, lone(20_000), seed=1, resamples=resamples)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
