"""How well the scores rank the pairs: Spearman's correlation and the area under the ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.metrics.checks import require_length, split_scores, undefined, why_not_numbers, why_undefined
from harness.metrics.types import MetricResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_CURVE_POINTS = 200


def spearman(scores: NDArray[np.float64], labels: NDArray[np.integer[Any] | np.floating[Any]]) -> MetricResult:
    """Spearman's rank correlation of scores and labels; equal values share the mean of their ranks.

    With binary labels 1 is reached only if the scores, too, have just two values: distinct scores that separate two
    classes of equal size perfectly reach about 0.87.

    Args:
        scores: Similarity of each pair, shape `(n_pairs,)`.
        labels: Label of each pair, shape `(n_pairs,)`: binary, or graded such as human similarity ratings.

    Returns:
        Correlation in [-1, 1]. Undefined without pairs, if all scores or all labels are equal, or if one is not finite.
        No details.

    Source:
        C. Spearman, "The proof and measurement of association between two things", 1904; `scipy.stats.spearmanr`.

    Example:
        >>> spearman(np.array([0.1, 0.1, 0.9, 0.9]), np.array([0, 0, 1, 1])).value
        1.0
    """
    reason = why_not_numbers("spearman", scores, "scores")
    require_length("labels", labels, len(scores))
    reason = reason or why_not_numbers("spearman", labels.astype(np.float64), "labels")
    if reason:
        return undefined(reason)
    for name, values in (("scores", scores), ("labels", labels)):
        if np.all(values == values[0]):
            return undefined(f"spearman needs {name} that differ: all {len(values)} are {values[0]:g}")
    # Ranks are multiples of 1/2: the sums are exact, whatever the order of the pairs.
    x, y = (_average_ranks(values) - (len(values) + 1) / 2 for values in (scores, labels))
    correlation = float(np.sum(x * y) / np.sqrt(np.sum(x * x) * np.sum(y * y)))
    return MetricResult(min(1.0, max(-1.0, correlation)))


def auc_roc(scores: NDArray[np.float64], labels: NDArray[np.int8]) -> MetricResult:
    """Probability that a random positive pair scores higher than a random negative one; a tie counts one half.

    Args:
        scores: Similarity of each pair, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.

    Returns:
        Area under the ROC curve in [0, 1]; 0.5 is chance, below it the ranking is the wrong way round. Undefined unless
        there are pairs of both labels and all scores are finite. Details: `n_positive`, `n_negative`, and the curve for
        drawing as lists `fpr` and `tpr`, from (0, 0) to (1, 1), without the points on a straight line between their
        neighbours; where more than 200 would be left, 200 evenly chosen ones.

    Source:
        Mann and Whitney's U over the number of positive-negative pairs: J. Hanley and B. McNeil, "The meaning and use
        of the area under a receiver operating characteristic (ROC) curve", 1982; `sklearn.metrics.roc_auc_score`.

    Example:
        >>> auc_roc(np.array([0.1, 0.5, 0.5, 0.9]), np.array([0, 0, 1, 1])).value
        0.875
    """
    if reason := why_undefined("auc_roc", scores, labels):
        return undefined(reason)
    positive, negative = split_scores(scores, labels)
    rank_sum = np.sum(_average_ranks(np.concatenate([positive, negative]))[: len(positive)])
    wins = rank_sum - len(positive) * (len(positive) + 1) / 2
    fpr, tpr = _roc_curve(positive, negative)
    details = {"n_positive": len(positive), "n_negative": len(negative), "fpr": fpr, "tpr": tpr}
    return MetricResult(float(wins / (len(positive) * len(negative))), details=details)


def _average_ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Ranks from 1 to n, ascending; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(shared[inverse], dtype=np.float64)


def _roc_curve(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """False and true positive rates at falling thresholds; the scores of both classes come ascending."""
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    x = np.concatenate([[0], len(negative) - np.searchsorted(negative, thresholds)])
    y = np.concatenate([[0], len(positive) - np.searchsorted(positive, thresholds)])
    step_x, step_y = np.diff(x), np.diff(y)
    turns = step_x[:-1] * step_y[1:] != step_x[1:] * step_y[:-1]
    kept = np.flatnonzero(np.concatenate([[True], turns, [True]]))
    if len(kept) > _MAX_CURVE_POINTS:
        kept = kept[np.linspace(0, len(kept) - 1, _MAX_CURVE_POINTS).round().astype(int)]
    return (x[kept] / len(negative)).tolist(), (y[kept] / len(positive)).tolist()
