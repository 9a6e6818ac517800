"""Drift: rare where there is none, found where there is some, and never a verdict on a handful of texts."""

import math

import numpy as np
import pytest
from scipy.stats import binom

import harness.statistics.drift as drift_module
from harness.statistics import Interval, difference_interval, embedding_drift


def unit(rng, count, dimension=8, shift=0.0):
    """Embeddings: normal, moved along the first dimension, of length 1."""
    vectors = rng.normal(size=(count, dimension))
    vectors[:, 0] += shift
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch):
    """Enough for a level of 10 %, shared by two tests, in a twentieth of the time."""
    monkeypatch.setattr("harness.statistics.drift._PERMUTATIONS", {"classifier": 19, "mmd": 199})
    monkeypatch.setattr("harness.statistics.drift._FOLDS", 2)
    monkeypatch.setattr("harness.statistics.drift.DRIFT_LEVEL", 0.1)


def test_false_alarms_are_as_rare_as_stated():
    trials = 40
    found = [
        embedding_drift(unit(rng, 30), unit(rng, 22), seed=seed)
        for seed, rng in enumerate(map(np.random.default_rng, range(trials)))
    ]
    assert sum(one.found for one in found) <= binom.ppf(0.999, trials, 0.1)
    for p_values in ([one.auc_p for one in found], [one.mmd_p for one in found]):
        assert 0.36 < np.mean(p_values) < 0.67  # 0.51 of uniform ones, three standard errors


def test_moved_embeddings_are_found_by_both_tests():
    rng = np.random.default_rng(0)
    found = embedding_drift(unit(rng, 120), unit(rng, 80, shift=1.0), seed=0)
    assert (True, 0.05, 0.005) == (found.found, found.auc_p, found.mmd_p)
    assert 0.7 < found.auc < 0.95
    assert found.mmd > 0.02


def test_a_spread_that_no_line_separates_is_found_by_the_kernel():
    rng = np.random.default_rng(0)
    found = embedding_drift(rng.normal(size=(100, 8)), rng.normal(size=(100, 8)) * 3, seed=0)
    assert (True, 0.005) == (found.found, found.mmd_p)
    assert found.auc_p > 0.05


def test_the_same_texts_are_no_drift():
    vectors = unit(np.random.default_rng(0), 60)
    found = embedding_drift(vectors, vectors, seed=0)
    assert not found.found
    assert min(found.auc_p, found.mmd_p) > 0.5
    assert not embedding_drift(np.ones((30, 4)), np.ones((30, 4)), seed=0).found


def test_the_same_seed_gives_the_same():
    rng = np.random.default_rng(0)
    old, new = unit(rng, 40), unit(rng, 30)
    assert embedding_drift(old, new, seed=3) == embedding_drift(old, new, seed=3)


def test_a_handful_of_texts_is_no_verdict():
    rng = np.random.default_rng(0)
    found = embedding_drift(unit(rng, 100), unit(rng, 5, shift=9.0), seed=0)
    assert (False, "too few texts: 5 new and 100 old, expected at least 20 of each") == (found.found, found.reason)
    assert all(math.isnan(value) for value in (found.auc, found.auc_p, found.mmd, found.mmd_p))


def test_mmd_is_that_of_its_definition():
    rng = np.random.default_rng(0)
    old, new = unit(rng, 22).astype(np.float64), unit(rng, 21, shift=0.5).astype(np.float64)
    both = [*old, *new]
    squares = [float(((a - b) ** 2).sum()) for i, a in enumerate(both) for b in both[:i]]
    median = float(np.median(squares))

    def mean(ones, others, *, same):
        values = [
            math.exp(-((a - b) ** 2).sum() / median)
            for i, a in enumerate(ones)
            for j, b in enumerate(others)
            if not (same and i == j)
        ]
        return sum(values) / len(values)

    expected = mean(old, old, same=True) + mean(new, new, same=True) - 2 * mean(old, new, same=False)
    assert embedding_drift(old, new, seed=0).mmd == pytest.approx(expected, abs=1e-9)


def test_a_difference_is_as_uncertain_as_both_values():
    found = difference_interval(0.8, Interval(0.7, 0.9), 0.8, Interval(0.7, 0.9))
    assert (found.low, found.high) == pytest.approx((-0.1 * math.sqrt(2), 0.1 * math.sqrt(2)))
    exact = difference_interval(0.8, Interval(0.7, 0.9), 0.5, Interval(0.5, 0.5))
    assert (exact.low, exact.high) == pytest.approx((0.2, 0.4))
    assert difference_interval(0.8, Interval.none("few"), 0.8, exact).reason == "few"


def test_a_difference_holds_zero_as_often_as_stated():
    """Means of two independent samples; the reference is the simulation itself."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        both = [rng.normal(size=50), rng.normal(size=80)]
        half = [1.96 * part.std(ddof=1) / math.sqrt(len(part)) for part in both]
        means = [part.mean() for part in both]
        ends = [Interval(mean - width, mean + width) for mean, width in zip(means, half, strict=True)]
        found = difference_interval(means[0], ends[0], means[1], ends[1])
        held += found.low <= 0 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_the_stated_level_can_be_reached(monkeypatch):
    monkeypatch.undo()
    assert max(1 / (count + 1) for count in drift_module._PERMUTATIONS.values()) <= drift_module.DRIFT_LEVEL / 2
