import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from harness.metrics import average_ranks
from harness.metrics.spearman import spearman

GRID = st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 3)), min_size=3, max_size=60).map(
    lambda rows: np.array(rows) / [50, 1]
)


@given(GRID)
def test_value_and_ranks_equal_scipys_for_binary_and_graded_labels(rows):
    scores, grades = rows.T
    np.testing.assert_array_equal(rankdata(scores), average_ranks(scores))
    for labels in (grades, (grades > 1).astype(np.int8)):
        actual = spearman(scores, labels)
        if len(set(scores)) == 1 or len(set(labels)) == 1:
            assert math.isnan(actual.value)
        else:
            assert spearmanr(scores, labels).statistic == pytest.approx(actual.value, abs=1e-12)


def test_equal_scores_and_labels_that_are_not_finite_are_undefined():
    labels = np.array([0, 1, 0, 1])
    assert spearman(np.full(4, 0.25), labels).reason == "spearman needs scores that differ: all 4 are 0.25"
    assert spearman(np.arange(3) / 3, np.array([1.0, np.nan, 2.0])).reason == "1 of 3 labels are not finite"
