import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, rankdata, spearmanr

from harness.metrics import METRICS, ScoredPairs, average_ranks
from harness.metrics.evaluation import weighted_values
from harness.metrics.pearson import pearson
from harness.metrics.spearman import spearman
from harness.metrics.tally import rank

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


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30))
def test_weights_are_repetitions_and_grades_come_before_labels(rows):
    scores, grades, repeats = np.array(rows, dtype=np.float64).T
    scores, labels = scores / 9, (grades > 1).astype(np.int8)
    ranking = rank(scores, labels, grades=grades)
    [actual] = weighted_values(ranking, repeats[np.newaxis, ranking.order], ["spearman"])["spearman"]
    drawn = [np.repeat(values, repeats.astype(int)) for values in (scores, labels, grades)]
    names = ("",) * len(drawn[0])
    expected = METRICS["spearman"].function(
        ScoredPairs(*drawn[:2], np.empty((len(names), 0)), names, names, grades=drawn[2])
    )
    if len(set(drawn[1].tolist())) < 2:  # no metric has a value then
        assert math.isnan(actual)
        return
    assert spearman(drawn[0], drawn[2]).value == pytest.approx(expected.value, nan_ok=True)
    assert expected.value == pytest.approx(actual, abs=1e-9, nan_ok=True)
    assert expected.details.get("pearson", math.nan) == pytest.approx(pearson(drawn[0], drawn[2]).value, nan_ok=True)


@given(GRID)
def test_the_linear_correlation_equals_scipys(rows):
    scores, grades = rows.T
    if len(set(scores)) == 1 or len(set(grades)) == 1:
        assert math.isnan(pearson(scores, grades).value)
    else:
        assert pearsonr(scores, grades).statistic == pytest.approx(pearson(scores, grades).value, abs=1e-9)


def test_equal_scores_and_labels_that_are_not_finite_are_undefined():
    labels = np.array([0, 1, 0, 1])
    assert spearman(np.full(4, 0.25), labels).reason == "spearman needs scores that differ: all 4 are 0.25"
    assert spearman(np.arange(3) / 3, np.array([1.0, np.nan, 2.0])).reason == "1 of 3 labels are not finite"
