from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score, roc_curve

from harness.metrics.ranking import auc_roc, spearman

SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)


@st.composite
def ranked_pairs(draw):
    """Scores on a coarse grid, so that many are tied, and labels of both kinds."""
    rows = draw(st.lists(st.tuples(st.integers(-50, 50), st.booleans()), min_size=1, max_size=60))
    rows += [(draw(st.integers(-50, 0)), False), (draw(st.integers(1, 50)), True)]
    return np.array([score / 50 for score, _ in rows]), np.array([label for _, label in rows], dtype=np.int8)


def test_spearman_by_hand():
    # Ranks 1, 2.5, 2.5, 4 and 1.5, 1.5, 3.5, 3.5: products 3, squares 4.5 and 4.
    actual = spearman(np.array([0.1, 0.2, 0.2, 0.7]), np.array([0, 0, 1, 1], dtype=np.int8))
    assert 3 / math.sqrt(4.5 * 4) == pytest.approx(actual.value, abs=1e-15)


def test_auc_by_hand():
    # Of 2 * 4 positive-negative pairs 4 are right, 2 are tied, 2 are wrong.
    actual = auc_roc(np.array([0.5, 0.9, 0.1, 0.5, 0.5, 0.95]), np.array([1, 1, 0, 0, 0, 0], dtype=np.int8))
    assert actual.value == (4 + 2 / 2) / 8
    assert (actual.details["n_positive"], actual.details["n_negative"]) == (2, 4)


def test_curve_by_hand():
    actual = auc_roc(np.array([0.9, 0.8, 0.7, 0.6, 0.6]), np.array([1, 1, 0, 0, 1], dtype=np.int8))
    # (0, 1/3) is on the line from (0, 0) to (0, 2/3).
    assert actual.details["fpr"] == [0.0, 0.0, 0.5, 1.0]
    assert actual.details["tpr"] == [0.0, 2 / 3, 2 / 3, 1.0]


@SETTINGS
@given(ranked_pairs())
def test_spearman_equals_scipy(pairs):
    scores, labels = pairs
    assert spearmanr(scores, labels).statistic == pytest.approx(spearman(scores, labels).value, abs=1e-12)


def test_spearman_of_graded_labels_equals_scipy():
    rng = np.random.default_rng(3)
    ratings = rng.integers(0, 26, size=500) / 5
    scores = ratings / 5 + rng.normal(size=500)
    assert spearmanr(scores, ratings).statistic == pytest.approx(spearman(scores, ratings).value, abs=1e-12)


@SETTINGS
@given(ranked_pairs())
def test_auc_and_curve_equal_sklearn(pairs):
    scores, labels = pairs
    actual = auc_roc(scores, labels)
    assert roc_auc_score(labels, scores) == pytest.approx(actual.value, abs=1e-12)
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    kept = set(zip(actual.details["fpr"], actual.details["tpr"], strict=True))
    assert kept <= set(zip(fpr.tolist(), tpr.tolist(), strict=True))
    # What was dropped is on the lines between the kept points: the area is the same.
    assert actual.value == pytest.approx(np.trapezoid(actual.details["tpr"], actual.details["fpr"]), abs=1e-12)


def test_no_three_neighbours_of_the_curve_are_on_a_line():
    rng = np.random.default_rng(5)
    details = auc_roc(rng.integers(0, 30, 200) / 30, rng.integers(0, 2, 200).astype(np.int8)).details
    step_x, step_y = np.diff(details["fpr"]), np.diff(details["tpr"])
    assert np.all(np.abs(step_x[1:] * step_y[:-1] - step_x[:-1] * step_y[1:]) > 1e-9)


def test_long_curve_is_thinned_and_keeps_its_ends():
    rng = np.random.default_rng(4)
    details = auc_roc(rng.uniform(-1, 1, 5000), rng.integers(0, 2, 5000).astype(np.int8)).details
    assert 200 == len(details["fpr"]) == len(details["tpr"])
    for rate in ("fpr", "tpr"):
        assert (details[rate][0], details[rate][-1]) == (0.0, 1.0)
    assert np.all(np.diff(details["fpr"]) >= 0)


@pytest.mark.parametrize("metric", [spearman, auc_roc])
@pytest.mark.parametrize(
    "transform", [np.exp, lambda x: x**3, lambda x: 7 * x - 2, np.arctan], ids=["exp", "cube", "line", "atan"]
)
@SETTINGS
@given(pairs=ranked_pairs())
def test_strictly_monotone_transforms_change_nothing(metric, transform, pairs):
    scores, labels = pairs
    moved = transform(scores)
    assert len(np.unique(scores)) == len(np.unique(moved)), "the grid is coarse enough that no tie is made or lost"
    assert metric(scores, labels).value == metric(moved, labels).value


@pytest.mark.parametrize("metric", [spearman, auc_roc])
@SETTINGS
@given(pairs=ranked_pairs())
def test_falling_transform_mirrors_the_value(metric, pairs):
    scores, labels = pairs
    centre = 0.5 if metric is auc_roc else 0.0
    assert 2 * centre - metric(scores, labels).value == pytest.approx(metric(-scores, labels).value, abs=1e-15)


def test_spearman_of_equal_scores_is_undefined():
    actual = spearman(np.full(4, 0.25), np.array([0, 1, 0, 1], dtype=np.int8))
    assert math.isnan(actual.value)
    assert actual.reason == "spearman needs scores that differ: all 4 are 0.25"


def test_spearman_names_graded_labels_that_are_not_finite():
    actual = spearman(np.array([0.1, 0.2, 0.3]), np.array([1.0, np.nan, 2.0]))
    assert math.isnan(actual.value)
    assert actual.reason == "1 of 3 labels are not finite"
