"""A weighted metric is the metric of the pairs written down that many times."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import METRICS
from harness.metrics.checks import why_not_two_classes
from harness.metrics.cluster_purity import _purity
from harness.metrics.evaluation import weighted_values
from harness.metrics.tally import rank

from ..arrays import OF_SCORES, SEEDS, measure


@st.composite
def weighted_pairs(draw):
    """Scores that are often tied, labels, clusters, and five resamples: often with a label or all pairs missing."""
    count = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(SEEDS))
    grid = draw(st.sampled_from([1, 3, 9, 10**6]))
    scores = rng.integers(-grid, grid + 1, size=count) / grid
    labels = (rng.random(count) < draw(st.sampled_from([0.1, 0.5, 1.0]))).astype(np.int8)
    clusters = rng.integers(-1, draw(st.integers(0, 4)), size=count)
    weights = rng.poisson(draw(st.sampled_from([0.2, 1.0, 3.0])), size=(5, count))
    return scores, labels, clusters, weights


def literal(scores, labels, clusters):
    """Every metric of these pairs, the clustering given."""
    purity = math.nan if why_not_two_classes("purity", labels) else _purity(clusters, labels).value
    return {name: measure(name, scores, labels) for name in OF_SCORES} | {"cluster_purity": purity}


@given(weighted_pairs())
def test_weights_are_repetitions(pairs):
    scores, labels, clusters, weights = pairs
    ranking = rank(scores, labels, clusters)
    actual = weighted_values(ranking, weights[:, ranking.order].astype(np.float64))
    for row, repeats in enumerate(weights):
        expected = literal(*(np.repeat(values, repeats) for values in (scores, labels, clusters)))
        got = {name: values[row] for name, values in actual.items()}
        assert expected == pytest.approx(got, rel=1e-9, abs=1e-12, nan_ok=True)
        for counted in ("auc_roc", "best_f1", "cluster_purity", "false_positives"):  # whole numbers: no rounding
            np.testing.assert_array_equal(expected[counted], got[counted])


@given(weighted_pairs())
def test_without_a_batched_function_the_pairs_are_repeated(pairs):
    scores, labels, _, weights = pairs
    ranking, counts = rank(scores, labels), weights.astype(np.float64)
    for name in ("spearman", "margin", "cohens_d", "auc_roc", "best_f1"):
        expected = weighted_values(ranking, counts, [name])[name]
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(METRICS, name, replace(METRICS[name], weighted=None))
            actual = weighted_values(ranking, counts, [name])[name]
        assert expected == pytest.approx(actual, rel=1e-9, abs=1e-12, nan_ok=True)


def test_a_metric_of_more_than_scores_and_labels_is_not_computed_of_repeated_pairs(monkeypatch):
    monkeypatch.setitem(METRICS, "false_positives", replace(METRICS["false_positives"], weighted=None))
    with pytest.raises(ValueError, match="pair_types must have one value per pair"):
        weighted_values(rank(np.array([0.5, 0.1]), np.array([1, 0], dtype=np.int8)), np.ones((1, 2)))


def test_two_pairs_have_no_effect_size_whatever_rounding_leaves():
    for high, low in np.random.default_rng(0).normal(size=(50, 2)):
        ranking = rank(np.array([high, low]), np.array([1, 0], dtype=np.int8))
        assert math.isnan(weighted_values(ranking, np.ones((1, 2)))["cohens_d"][0])
