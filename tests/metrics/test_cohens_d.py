import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_ind

from harness.metrics.cohens_d import cohens_d
from harness.metrics.margin import margin

COSINES = st.floats(-1, 1).map(lambda value: round(value, 6))
CLASSES = st.lists(COSINES, min_size=3, max_size=40, unique=True)


def join(positive, negative):
    labels = np.repeat(np.array([1, 0], dtype=np.int8), [len(positive), len(negative)])
    return np.array([*positive, *negative], dtype=np.float64), labels


def test_margin_by_hand():
    actual = margin(*join([0.5, 0.75], [0.0, 0.25, 0.5]))
    assert actual.value == 0.375
    assert actual.details == {"mean_positive": 0.625, "mean_negative": 0.25, "n_positive": 2, "n_negative": 3}


@given(CLASSES, CLASSES)
def test_welch_equals_scipy_and_the_effect_follows_from_students_t(positive, negative):
    """Student's t of equal variances is d * sqrt(n1 * n2 / (n1 + n2)): an independent way to the pooled deviation."""
    n1, n2 = len(positive), len(negative)
    actual = cohens_d(*join(positive, negative))
    student = ttest_ind(positive, negative, equal_var=True).statistic / math.sqrt(n1 * n2 / (n1 + n2))
    assert student == pytest.approx(actual.value, rel=1e-9, abs=1e-12)
    expected = ttest_ind(positive, negative, equal_var=False)
    assert expected.statistic == pytest.approx(actual.details["welch_t"], rel=1e-9, abs=1e-12)
    assert expected.df == pytest.approx(actual.details["welch_df"], rel=1e-9)
    assert expected.pvalue == pytest.approx(actual.details["p_value"], rel=1e-6)


def test_no_variance_and_too_few_pairs_are_undefined():
    for positive, negative, reason in (
        ([0.3] * 7, [0.3] * 5, "cohens_d is 0/0: all positive scores are 0.3, all negative scores are 0.3"),
        ([0.9] * 7, [0.1] * 5, "cohens_d is infinite: all positive scores are 0.9, all negative scores are 0.1"),
        ([0.9], [0.1], "cohens_d needs at least 3 pairs: 1 positive, 1 negative pair"),
    ):
        actual = cohens_d(*join(positive, negative))
        assert (True, reason) == (math.isnan(actual.value), actual.reason)


def test_welch_of_a_single_and_of_a_constant_class():
    actual = cohens_d(*join([4], [0, 2]))
    assert 3 / math.sqrt(2) == pytest.approx(actual.value, abs=1e-15)
    assert [actual.details[key] for key in ("welch_t", "welch_df", "p_value")] == [None, None, None]
    expected = ttest_1samp([0.9, 0.8, 0.6], 0.5)  # beside a constant class it is the one-sample test of the other
    assert expected.pvalue == pytest.approx(cohens_d(*join([0.9, 0.8, 0.6], [0.5, 0.5])).details["p_value"], rel=1e-9)
