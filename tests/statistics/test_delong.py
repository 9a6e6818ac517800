"""The AUC's intervals against DeLong's closed form, which shares no code and no idea with the bootstrap.

E. DeLong, D. DeLong and D. Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
characteristic curves: a nonparametric approach", 1988.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from harness.metrics.auc_roc import auc_roc
from harness.statistics import compare, intervals

from ..arrays import lone

WIDTH = 2 * 1.959964
COUNT = 300


def delong(scores, labels):
    """AUC of each row of scores, and the covariance matrix of the AUCs."""
    positive, negative = scores[:, labels == 1], scores[:, labels == 0]
    difference = positive[:, :, np.newaxis] - negative[:, np.newaxis, :]
    wins = (difference > 0) + (difference == 0) / 2
    of_positive, of_negative = wins.mean(axis=2), wins.mean(axis=1)
    covariance = np.cov(of_positive) / positive.shape[1] + np.cov(of_negative) / negative.shape[1]
    return wins.mean(axis=(1, 2)), covariance


def two_models(decimals):
    """Scores of two models, alike in part."""
    rng = np.random.default_rng(1)
    labels = (rng.random(COUNT) < 0.55).astype(np.int8)
    shared = rng.normal(size=COUNT)
    scores = [0.2 * (shared + rng.normal(size=COUNT) + gap * labels) for gap in (2.0, 1.75)]
    return np.stack(scores).round(decimals), labels


@pytest.mark.parametrize("decimals", [1, 15])
def test_interval_of_the_auc_and_of_its_change(decimals):
    scores, labels = two_models(decimals)
    aucs, covariance = delong(scores, labels)
    for row in (0, 1):
        assert aucs[row] == pytest.approx(auc_roc(scores[row], labels).value, abs=1e-12)
        found = intervals(scores[row], labels, lone(COUNT), seed=1, resamples=4000)["auc_roc"]
        half = WIDTH / 2 * np.sqrt(covariance[row, row])
        assert 2 * half == pytest.approx(found.high - found.low, rel=0.06)
        assert (aucs[row] - half, aucs[row] + half) == pytest.approx((found.low, found.high), abs=0.2 * half)
    found = compare(*scores, labels, lone(COUNT), seed=1, resamples=4000)["auc_roc"]
    half = WIDTH / 2 * np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert aucs[0] - aucs[1] == pytest.approx(found.change, abs=1e-12)
    assert 2 * half == pytest.approx(found.high - found.low, rel=0.06)
    expected = 2 * ndtr(-abs(found.change) / (half / (WIDTH / 2)))
    assert 0.02 < expected < 0.3
    assert expected == pytest.approx(found.p_value, abs=0.03)
