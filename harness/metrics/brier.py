"""Brier score: the squared error of probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


def brier_score(probabilities: Values, labels: NDArray[np.int8], weights: Values) -> Values:
    """Mean squared difference of probability and label, in many resamples; lower is better.

    Args:
        probabilities: That each pair has label 1, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.
        weights: How often each pair is in each resample, shape `(n_resamples, n_pairs)`; ones in a single row are the
            pairs themselves.

    Returns:
        In [0, 1], shape `(n_resamples,)`. NaN in a resample without pairs of both labels.

    Source:
        G. Brier, "Verification of forecasts expressed in terms of probability", 1950;
        `sklearn.metrics.brier_score_loss`.

    Example:
        >>> brier_score(np.array([0.5, 1.0]), np.array([0, 1]), np.ones((1, 2))).tolist()
        [0.125]
    """
    count, positives = weights.sum(axis=1), weights @ labels.astype(np.float64)
    with np.errstate(invalid="ignore"):
        found = weights @ (probabilities - labels) ** 2 / count
    return np.where((positives > 0) & (positives < count), found, np.nan)
