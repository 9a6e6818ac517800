"""A weighted metric is the metric of the pairs written down that many times."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import METRICS, ScoredPairs
from harness.metrics.checks import why_not_two_classes
from harness.metrics.clustering import _purity
from harness.metrics.ranking import auc_roc, spearman
from harness.metrics.separation import cohens_d, margin
from harness.metrics.threshold import best_f1, false_positives
from harness.statistics import weighted
from harness.statistics.ranked import rank
from harness.statistics.weighted import weighted_values


@st.composite
def weighted_pairs(draw):
    """Scores that are often tied, labels, clusters, and five resamples: often with a label or all pairs missing."""
    count = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    grid = draw(st.sampled_from([1, 3, 9, 10**6]))
    scores = rng.integers(-grid, grid + 1, size=count) / grid
    labels = (rng.random(count) < draw(st.sampled_from([0.1, 0.5, 1.0]))).astype(np.int8)
    clusters = rng.integers(-1, draw(st.integers(0, 4)), size=count)
    weights = rng.poisson(draw(st.sampled_from([0.2, 1.0, 3.0])), size=(5, count))
    return scores, labels, clusters, weights


def literal(scores, labels, clusters):
    """Every metric of these pairs, the clustering given."""
    purity = math.nan if why_not_two_classes("purity", labels) else _purity(clusters, labels).value
    return {
        "spearman": spearman(scores, labels).value,
        "margin": margin(scores, labels).value,
        "cohens_d": cohens_d(scores, labels).value,
        "auc_roc": auc_roc(scores, labels).value,
        "best_f1": best_f1(scores, labels).value,
        "cluster_purity": purity,
        "false_positives": false_positives(scores, labels, ("",) * len(scores)).value,
    }


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


@pytest.mark.parametrize("decimals", [1, 15])
def test_unit_weights_give_every_row_of_the_table_its_own_value(decimals):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 120).astype(np.int8)
    scores = (0.3 * labels + rng.uniform(-0.6, 0.6, 120)).round(decimals)
    means = rng.normal(size=(120, 3)) + 9 * rng.integers(0, 3, 120)[:, np.newaxis]
    pairs = ScoredPairs(scores, labels, means, ("",) * 120, ("",) * 120)
    expected = {name: metric.function(pairs) for name, metric in METRICS.items()}
    clusters = np.array(expected["cluster_purity"].details["cluster_labels"])
    assert clusters.max() > 0
    actual = weighted_values(rank(scores, labels, clusters), np.ones((1, 120)))
    assert {name: result.value for name, result in expected.items()} == pytest.approx(
        {name: float(values[0]) for name, values in actual.items()}, rel=1e-12
    )


def test_two_pairs_have_no_effect_size_whatever_rounding_leaves():
    for high, low in np.random.default_rng(0).normal(size=(50, 2)):
        ranking = rank(np.array([high, low]), np.array([1, 0], dtype=np.int8))
        assert math.isnan(weighted_values(ranking, np.ones((1, 2)))["cohens_d"][0])


def test_every_metric_has_a_weighted_version():
    assert list(METRICS) == list(weighted._WEIGHTED)


def test_without_a_clustering_there_is_no_purity():
    actual = weighted_values(rank(np.array([0.5, 0.1]), np.array([1, 0], dtype=np.int8)), np.ones((1, 2)))
    assert math.isnan(actual["cluster_purity"][0])
    assert actual["auc_roc"].tolist() == [1.0]


def test_import_loads_numpy_only():
    code = "import sys, harness.statistics; print([m for m in ('scipy', 'sklearn', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
