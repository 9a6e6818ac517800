import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(weighted_pairs())
def test_weights_are_repetitions(pairs):
    scores, labels, clusters, weights = pairs
    ranking = rank(scores, labels, clusters)
    actual = weighted_values(ranking, weights[:, ranking.order].astype(np.float64))
    for row, repeats in enumerate(weights):
        drawn = [np.repeat(values, repeats) for values in (scores, labels, clusters)]
        expected = {name: measure(name, *drawn[:2]) for name in OF_SCORES}
        undefined = why_not_two_classes("purity", drawn[1])
        expected["cluster_purity"] = math.nan if undefined else _purity(drawn[2], drawn[1]).value
        got = {name: values[row] for name, values in actual.items()}
        assert expected == pytest.approx(got, rel=1e-9, abs=1e-12, nan_ok=True)
        for counted in ("auc_roc", "best_f1", "cluster_purity", "false_positives"):  # whole numbers: no rounding
            np.testing.assert_array_equal(expected[counted], got[counted])
