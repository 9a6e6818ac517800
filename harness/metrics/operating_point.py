"""A threshold in use: chosen on some pairs, judged on others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.metrics.best_f1 import best_f1
from harness.metrics.checks import undefined, why_undefined
from harness.metrics.types import MetricResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_LEAST_SCORE = -1.0  # of a cosine


def separating_threshold(scores: Values, labels: NDArray[np.int8]) -> MetricResult:
    """Threshold of the best F1, to be used on other pairs: half-way down to the next lower score.

    Every threshold between two neighbouring scores is equally good on the pairs that choose it. `best_f1` names the
    upper end, the score itself; a model that was trained on the pairs separates them widely, and the scores of other
    pairs fall into the gap: nothing speaks for either end, and the middle keeps the largest distance from both labels.
    (Decision trees cut there, and so does the `BinaryClassificationEvaluator` of sentence-transformers.) Where every
    pair is predicted positive there is no lower score, and the threshold is the least score of all.

    Args:
        scores: Similarity of each pair, in [-1, 1], shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.

    Returns:
        The threshold, in [-1, 1]: a pair counts as positive when its score reaches it. Undefined where `best_f1` is.
        Details: `degenerate`, as in `best_f1`.

    Source:
        U. Fayyad and K. Irani, "On the handling of continuous-valued attributes in decision tree generation", 1992
        (cuts between neighbours); Z. Lipton, C. Elkan and B. Naryanaswamy, "Optimal thresholding of classifiers to
        maximize F1 measure", 2014 (why the best F1 flatters, and that a poor model is best at calling all positive).

    Example:
        >>> separating_threshold(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1])).value
        0.5
    """
    if reason := why_undefined("a threshold", scores, labels):
        return undefined(reason)
    best = best_f1(scores, labels).details
    upper = best["threshold"]
    lower = float(scores[scores < upper].max(initial=-np.inf))
    middle = (lower + upper) / 2 if np.isfinite(lower) else _LEAST_SCORE
    # Of two neighbours among the floating-point numbers, the middle may be the lower one.
    return MetricResult(upper if middle == lower else middle, details={"degenerate": best["degenerate"]})


def values_at(threshold: float, scores: Values, labels: NDArray[np.int8], weights: Values) -> dict[str, Values]:
    """Quality of the predictions at a threshold, in many resamples.

    Args:
        threshold: A pair is predicted positive when its score reaches it.
        scores: Similarity of each pair, finite, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.
        weights: How often each pair is in each resample, shape `(n_resamples, n_pairs)`; ones in a single row are the
            pairs themselves.

    Returns:
        `f1`, `accuracy`, `precision`, `recall` in [0, 1], and the numbers `false_positives` and `false_negatives`, each
        of shape `(n_resamples,)`. All are NaN in a resample without pairs of both labels; precision is NaN, too, where
        no pair is predicted positive.
    """
    positive, predicted = labels == 1, scores >= threshold
    tp, fp, fn, tn = (
        weights @ rows.astype(np.float64)
        for rows in (positive & predicted, ~positive & predicted, positive & ~predicted, ~positive & ~predicted)
    )
    both = (tp + fn > 0) & (fp + tn > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "f1": 2 * tp / (2 * tp + fp + fn),
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "false_positives": fp,
            "false_negatives": fn,
        }
    return {name: np.where(both, values, np.nan) for name, values in found.items()}
