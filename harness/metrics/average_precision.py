"""Average precision: the area under the precision-recall curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.metrics.tally import Tally, rank, row_dots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


def average_precision(scores: Values, labels: NDArray[np.int8], weights: Values) -> Values:
    """Precision at every threshold, weighted by the recall that the threshold adds, in many resamples.

    Pairs of one score come together. Independent of any one threshold, and unlike the AUC-ROC it asks how pure the
    pairs are that are predicted positive.

    Args:
        scores: Similarity of each pair, finite, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.
        weights: How often each pair is in each resample, shape `(n_resamples, n_pairs)`; ones in a single row are the
            pairs themselves.

    Returns:
        In [0, 1], shape `(n_resamples,)`; without skill it is the share of positives. NaN in a resample without pairs
        of both labels.

    Source:
        `sklearn.metrics.average_precision_score`.

    Example:
        >>> float(average_precision(np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 1, 0, 1]), np.ones((1, 4)))[0])
        0.8333333333333333
    """
    ranking = rank(scores, labels)
    tally = Tally(ranking, weights[:, ranking.order])
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(tally.predicted > 0, tally.tp / tally.predicted, 0)
        found = row_dots(np.diff(tally.tp, axis=1, prepend=0), precision) / tally.positives
    return np.where((tally.positives > 0) & (tally.negatives > 0), found, np.nan)
