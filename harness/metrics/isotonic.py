"""Isotonic regression: scores as probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


def isotonic_probabilities(train_scores: Values, train_labels: NDArray[np.int8], scores: Values) -> Values:
    """Scores as probabilities of label 1: the rising step function that fits the training pairs best.

    Args:
        train_scores: Similarity of the pairs to fit on, finite, shape `(n_train,)`.
        train_labels: Their labels, 0 or 1, shape `(n_train,)`.
        scores: Similarity of the pairs to give a probability to, finite, shape `(n_pairs,)`.

    Returns:
        In [0, 1], shape `(n_pairs,)`. Beyond the training scores, as at the nearest of them.

    Source:
        B. Zadrozny and C. Elkan, "Transforming classifier scores into accurate multiclass probability estimates", 2002.

    Example:
        >>> isotonic_probabilities(np.array([0.1, 0.2, 0.8]), np.array([0, 0, 1]), np.array([0.0, 0.2, 0.9])).tolist()
        [0.0, 0.0, 1.0]
    """
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(
        train_scores, train_labels.astype(np.float64)
    )
    return np.asarray(fitted.predict(scores), dtype=np.float64)
