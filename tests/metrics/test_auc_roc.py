import numpy as np
import pytest
from hypothesis import assume, given
from sklearn.metrics import roc_auc_score, roc_curve

from harness.metrics.auc_roc import auc_roc
from harness.metrics.spearman import spearman

from ..arrays import labelled_scores


@given(labelled_scores())
def test_value_and_curve_equal_sklearn(pairs):
    scores, labels, _ = pairs
    actual = auc_roc(scores, labels)
    assert roc_auc_score(labels, scores) == pytest.approx(actual.value, abs=1e-12)
    assert (labels.sum(), (1 - labels).sum()) == (actual.details["n_positive"], actual.details["n_negative"])
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    kept = set(zip(actual.details["fpr"], actual.details["tpr"], strict=True))
    assert kept <= set(zip(fpr.tolist(), tpr.tolist(), strict=True))
    # The dropped points are on the lines between the kept ones: the area is the same.
    assert actual.value == pytest.approx(np.trapezoid(actual.details["tpr"], actual.details["fpr"]), abs=1e-12)


def test_curve_has_no_needless_points_and_keeps_its_ends():
    rng = np.random.default_rng(5)
    for count, levels in ((200, 30), (5000, 10**6)):
        details = auc_roc(rng.integers(0, levels, count) / levels, rng.integers(0, 2, count).astype(np.int8)).details
        fpr, tpr = np.diff(details["fpr"]), np.diff(details["tpr"])
        assert len(fpr) < 200
        assert (fpr.sum(), tpr.sum()) == pytest.approx((1, 1))
        assert (fpr >= 0).all()
        if count == 200:  # not thinned
            assert np.all(np.abs(fpr[1:] * tpr[:-1] - fpr[:-1] * tpr[1:]) > 1e-9)


@pytest.mark.parametrize("metric", [spearman, auc_roc])
@given(pairs=labelled_scores())
def test_monotone_transforms_change_nothing_and_a_falling_one_mirrors(metric, pairs):
    scores, labels, _ = pairs
    assume(len(set(scores)) > 1)
    for transform in (np.exp, lambda x: x**3, np.arctan):
        assert metric(scores, labels).value == metric(transform(scores), labels).value
    twice_centre = 1 if metric is auc_roc else 0
    assert twice_centre - metric(scores, labels).value == pytest.approx(metric(-scores, labels).value, abs=1e-15)
