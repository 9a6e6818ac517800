"""The best F1 of any threshold."""

import numpy as np

from harness.metrics.checks import split_scores, undefined, why_undefined
from harness.metrics.types import Labels, MetricResult, Tally, Values

_FLOAT_NOISE = 1e-12


def best_f1(scores: Values, labels: Labels) -> MetricResult:
    """Highest F1 over all observed scores as thresholds; a pair is predicted positive when its score reaches it.

    Where several thresholds give the same F1, the highest is taken: the one with the fewest predicted positives.

    Args:
        scores: Similarity of each pair, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.

    Returns:
        F1 in [0, 1], in fact never below `floor`. Undefined unless there are pairs of both labels and all scores are
        finite. Details: `threshold`, and at it `accuracy`, `precision` and `recall`; `floor`, the F1 2p/(1+p) of
        predicting every pair positive at a share p of positives; `degenerate`, True if the best F1 is no better than
        that floor, so that the threshold means nothing.

    Source:
        C. J. van Rijsbergen, "Information Retrieval", 1979; `sklearn.metrics.f1_score` at each threshold.

    Example:
        >>> result = best_f1(np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 1, 0, 1]))
        >>> round(result.value, 3), result.details["threshold"], result.details["recall"]
        (0.8, 0.4, 1.0)
    """
    if reason := why_undefined("best_f1", scores, labels):
        return undefined(reason)
    positive, negative = split_scores(scores, labels)
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    tp = len(positive) - np.searchsorted(positive, thresholds, side="left")
    fp = len(negative) - np.searchsorted(negative, thresholds, side="left")
    f1 = 2 * tp / (tp + fp + len(positive))
    best = int(np.argmax(f1))  # the first of equal ones, and thresholds fall
    tp_at, fp_at = int(tp[best]), int(fp[best])
    floor = 2 * len(positive) / (2 * len(positive) + len(negative))
    details = {
        "threshold": float(thresholds[best]),
        "accuracy": (tp_at + len(negative) - fp_at) / len(scores),
        "precision": tp_at / (tp_at + fp_at),
        "recall": tp_at / len(positive),
        "floor": floor,
        "degenerate": bool(f1[best] <= floor + _FLOAT_NOISE),
    }
    return MetricResult(float(f1[best]), details=details)


def weighted_best_f1(tally: Tally) -> Values:
    """`best_f1` in many resamples, shape `(n_resamples,)`: each has a threshold of its own."""
    return tally.best[0]
