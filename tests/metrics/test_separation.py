from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_ind

from harness.metrics.separation import cohens_d, margin

SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)
cosines = st.floats(-1, 1).map(lambda value: round(value, 6))
classes = st.lists(cosines, min_size=3, max_size=40, unique=True)


def join(positive, negative):
    labels = np.repeat(np.array([1, 0], dtype=np.int8), [len(positive), len(negative)])
    return np.array([*positive, *negative], dtype=np.float64), labels


def test_margin_by_hand():
    actual = margin(*join([0.5, 0.75], [0.0, 0.25, 0.5]))
    assert actual.value == 0.375
    assert actual.details == {"mean_positive": 0.625, "mean_negative": 0.25, "n_positive": 2, "n_negative": 3}


def test_cohens_d_by_hand():
    # Means 4 and 2; squared deviations 2 and 8 with 1 and 2 degrees of freedom.
    actual = cohens_d(*join([3, 5], [0, 2, 4]))
    pooled = math.sqrt((2 + 8) / 3)
    assert 2 / pooled == pytest.approx(actual.value, abs=1e-15)
    assert pooled == pytest.approx(actual.details["pooled_sd"], abs=1e-15)


@SETTINGS
@given(classes, classes)
def test_welch_equals_scipy(positive, negative):
    actual = cohens_d(*join(positive, negative)).details
    expected = ttest_ind(positive, negative, equal_var=False)
    assert expected.statistic == pytest.approx(actual["welch_t"], rel=1e-9, abs=1e-12)
    assert expected.df == pytest.approx(actual["welch_df"], rel=1e-9)
    assert expected.pvalue == pytest.approx(actual["p_value"], rel=1e-6)


@SETTINGS
@given(classes, classes)
def test_cohens_d_follows_from_students_t(positive, negative):
    """Student's t of equal variances is d * sqrt(n1 * n2 / (n1 + n2)): an independent way to the pooled deviation."""
    n1, n2 = len(positive), len(negative)
    expected = ttest_ind(positive, negative, equal_var=True).statistic / math.sqrt(n1 * n2 / (n1 + n2))
    assert expected == pytest.approx(cohens_d(*join(positive, negative)).value, rel=1e-9, abs=1e-12)


@SETTINGS
@given(classes, classes)
def test_swapping_the_labels_flips_the_sign(positive, negative):
    for metric in (margin, cohens_d):
        expected = -metric(*join(positive, negative)).value
        assert expected == pytest.approx(metric(*join(negative, positive)).value, abs=1e-15)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.7])
def test_equal_scores_have_no_effect_size(level):
    """Seven times 0.1 does not average to 0.1 exactly: rounding must not pass for variance."""
    actual = cohens_d(*join([level] * 7, [level] * 5))
    assert math.isnan(actual.value)
    assert f"cohens_d is 0/0: all positive scores are {level:g}, all negative scores are {level:g}" == actual.reason


def test_no_variance_but_different_means_is_infinite_and_so_undefined():
    actual = cohens_d(*join([0.9] * 7, [0.1] * 5))
    assert math.isnan(actual.value)
    assert actual.reason == "cohens_d is infinite: all positive scores are 0.9, all negative scores are 0.1"


def test_one_pair_of_each_label_is_too_few():
    actual = cohens_d(*join([0.9], [0.1]))
    assert math.isnan(actual.value)
    assert "at least 3 pairs" in actual.reason


def test_single_positive_pair_has_an_effect_size_but_no_t_test():
    actual = cohens_d(*join([4], [0, 2]))
    assert 3 / math.sqrt(2) == pytest.approx(actual.value, abs=1e-15)
    assert [actual.details[key] for key in ("welch_t", "welch_df", "p_value")] == [None, None, None]


def test_welch_with_one_constant_class():
    """It is then the one-sample test of the other class."""
    expected = ttest_1samp([0.9, 0.8, 0.6], 0.5)
    assert expected.pvalue == pytest.approx(cohens_d(*join([0.9, 0.8, 0.6], [0.5, 0.5])).details["p_value"], rel=1e-9)
