"""Difference of the mean scores."""

import numpy as np

from harness.metrics.checks import split_scores, undefined, why_undefined
from harness.metrics.types import Labels, MetricResult, Tally, Values


def margin(scores: Values, labels: Labels) -> MetricResult:
    """Mean score of the positive pairs minus mean score of the negative pairs.

    Args:
        scores: Cosine similarity of each pair, shape `(n_pairs,)`, in [-1, 1].
        labels: 0 or 1, shape `(n_pairs,)`.

    Returns:
        Difference of cosine similarities in [-2, 2]. Undefined unless there are pairs of both labels and all scores are
        finite. Details: `mean_positive`, `mean_negative`, `n_positive`, `n_negative`.

    Example:
        >>> margin(np.array([0.0, 0.5, 1.0]), np.array([0, 1, 1])).value
        0.75
    """
    if reason := why_undefined("margin", scores, labels):
        return undefined(reason)
    positive, negative = split_scores(scores, labels)
    details = {
        "mean_positive": float(np.mean(positive)),
        "mean_negative": float(np.mean(negative)),
        "n_positive": len(positive),
        "n_negative": len(negative),
    }
    return MetricResult(details["mean_positive"] - details["mean_negative"], details=details)


def weighted_margin(tally: Tally) -> Values:
    """`margin` in many resamples, shape `(n_resamples,)`."""
    positive, negative = tally.means
    return positive - negative
