"""Area under the ROC curve."""

import numpy as np

from harness.metrics.checks import split_scores, undefined, why_undefined
from harness.metrics.spearman import average_ranks
from harness.metrics.types import Labels, MetricResult, Tally, Values

_MAX_CURVE_POINTS = 200


def auc_roc(scores: Values, labels: Labels) -> MetricResult:
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
    rank_sum = np.sum(average_ranks(np.concatenate([positive, negative]))[: len(positive)])
    wins = rank_sum - len(positive) * (len(positive) + 1) / 2
    fpr, tpr = _roc_curve(positive, negative)
    details = {"n_positive": len(positive), "n_negative": len(negative), "fpr": fpr, "tpr": tpr}
    return MetricResult(float(wins / (len(positive) * len(negative))), details=details)


def weighted_auc_roc(tally: Tally) -> Values:
    """`auc_roc` in many resamples, shape `(n_resamples,)`."""
    return tally.wins / (tally.positives * tally.negatives)


def _roc_curve(positive: Values, negative: Values) -> tuple[list[float], list[float]]:
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
