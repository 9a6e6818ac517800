from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.metrics import METRICS
from harness.statistics import compare, intervals
from harness.statistics.bootstrap import percentile_interval

from ..arrays import SEEDS, lone, measure


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


def test_best_f1_is_corrected_for_its_bias_as_scipys_bca_is():
    scores, labels = sample(1, 80)
    expected = scipys("best_f1", scores, labels, "BCa")
    actual = intervals(scores, labels, lone(80), seed=3)["best_f1"]
    assert expected == pytest.approx(ends(actual), abs=0.15 * (expected[1] - expected[0]))
    plain = scipys("best_f1", scores, labels)
    assert actual.low < plain[0]
    assert actual.high < plain[1]


def test_correction_by_hand():
    # A tenth of the values lies below: bias -1.2816, ends at the probabilities of 2 * -1.2816 -+ 1.96.
    values = np.arange(100_001) / 100_000
    expected = stats.norm.cdf(2 * stats.norm.ppf(0.1) + stats.norm.ppf([0.025, 0.975]))
    assert expected == pytest.approx(ends(percentile_interval(0.1, values, 99, corrected=True)), abs=1e-4)


@pytest.mark.parametrize("observed", [-1.0, 0.02, 0.98, 2.0])
def test_a_bias_larger_than_the_interval_leaves_none(observed):
    """The corrected ends would run together on the far side: no certainty at all, and without the value in it."""
    found = percentile_interval(observed, np.arange(100_001) / 100_000, 99, corrected=True)
    assert "the resamples are all too high or all too low to say how far the value moves" == found.reason
    assert np.isnan(ends(found)).all()


def test_the_share_of_other_texts_that_intervals_hold():
    """Stars and crossed texts with effects of their own: intervals that ignore the texts are far too narrow."""
    covered = {(design, way): 0 for design in ("stars", "crossed") for way in ("texts", "pairs")}
    trials = 100
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
                found = intervals(scores, labels, drawn, seed=trial, resamples=300)["margin"]
                covered[design, way] += found.low <= 0.3 <= found.high
    shares = {key: count / trials for key, count in covered.items()}
    for design in ("stars", "crossed"):
        assert 0.90 <= shares[design, "texts"] <= 0.985
        assert shares[design, "pairs"] < 0.75


@settings(max_examples=30)
@given(SEEDS, st.sampled_from([1, 15]))
def test_order_of_pairs_and_of_their_texts_does_not_matter(seed, decimals):
    rng = np.random.default_rng(seed)
    scores, labels = sample(seed, 60, decimals=decimals)
    rows, clusters, order = rng.integers(0, 40, (60, 2)), rng.integers(-1, 3, 60), rng.permutation(60)
    expected = intervals(scores, labels, rows, seed=1, clusters=clusters, resamples=99)
    moved = scores[order], labels[order], rows[order][:, ::-1]
    actual = intervals(*moved, seed=1, clusters=clusters[order], resamples=99)
    for name in METRICS:
        assert ends(expected[name]) == pytest.approx(ends(actual[name]), nan_ok=True, rel=1e-9, abs=1e-12)


@settings(max_examples=50)
@given(SEEDS, st.integers(2, 60), st.integers(1, 80))
def test_intervals_are_in_range_or_nan_with_reason(seed, count, texts):
    rng = np.random.default_rng(seed)
    scores, labels = sample(seed, count, decimals=int(rng.integers(1, 4)))
    clusters = rng.integers(-1, 3, count)
    found = intervals(scores, labels, rng.integers(0, texts, (count, 2)), seed=seed, clusters=clusters, resamples=40)
    assert list(METRICS) == list(found)
    for name, interval in found.items():
        low, high = ends(interval)
        assert math.isnan(low) == math.isnan(high) == bool(interval.reason)
        assert interval.reason or METRICS[name].low <= low <= high <= METRICS[name].high


def test_more_than_a_twentieth_of_undefined_resamples_is_nan():
    scores, labels = sample(1, 40)
    for positives, defined in ((1, False), (2, False), (4, True)):
        labels[:] = np.arange(40) < positives
        found = intervals(scores, labels, lone(40), seed=1, resamples=1000)["margin"]
        assert defined == (not math.isnan(found.low))
        assert defined or " of 1000 resamples have no value" in found.reason


def test_pairs_of_a_handful_of_texts_have_no_interval():
    scores, labels = sample(1, 60)
    for texts, defined in ((1, False), (5, False), (6, True)):
        rows = np.stack([np.arange(60) % texts, 100 + np.arange(60)], axis=1)
        found = intervals(scores, labels, rows, seed=1, resamples=50)["auc_roc"]
        assert defined == (not math.isnan(found.low))
        assert found.reason == ("" if defined else f"an interval needs 6 texts or groups to draw, found {texts}")


@pytest.mark.parametrize(
    ("labels", "scores", "reason"),
    [
        ([1, 1, 1], [0.1, 0.2, 0.3], "an interval needs both labels: 3 positive, 0 negative pairs"),
        ([1, 0, 1], [0.1, math.nan, 0.3], "1 of 3 scores are not finite"),
        ([], [], "an interval needs pairs: there are none"),
    ],
)
def test_pairs_of_which_nothing_can_be_computed_are_nan_with_the_reason(labels, scores, reason):
    scores, labels = np.array(scores), np.array(labels, dtype=np.int8)
    found = intervals(scores, labels, lone(len(scores)), seed=1, resamples=9)
    changes = compare(scores, scores, labels, lone(len(scores)), seed=1)
    assert list(METRICS) == list(found) == list(changes)
    assert all(math.isnan(interval.low) for interval in found.values())
    assert all(math.isnan(change.change) for change in changes.values())
    assert {reason} == {result.reason for result in (*found.values(), *changes.values())}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_rows": lone(9)}, "text_rows must have one value per pair: came 9, expected 10"),
        ({"clusters": np.zeros(9, dtype=int)}, "clusters must have one value per pair: came 9, expected 10"),
        ({"resamples": 0}, "at least one draw is needed, came 0"),
    ],
)
def test_wrong_arguments_are_errors(changes, message):
    scores, labels = sample(1, 10)
    with pytest.raises(ValueError, match=message):
        intervals(**{"scores": scores, "labels": labels, "text_rows": lone(10), "seed": 1, **changes})
