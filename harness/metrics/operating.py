"""What a threshold that was chosen on other pairs achieves, and how good the scores are as probabilities.

Values are of pairs that carry weights, many resamples at once: how often each pair is in each of them, shape
`(n_resamples, n_pairs)`. Ones in a single row are the pairs themselves. A resample without pairs of both labels has no
value: NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.metrics.checks import undefined, why_undefined
from harness.metrics.threshold import best_f1
from harness.metrics.types import MetricResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_LEAST_SCORE = -1.0  # of a cosine


def separating_threshold(scores: Values, labels: NDArray[np.int8]) -> MetricResult:
    """The threshold of the best F1, to be used on other pairs: half-way down to the next lower score.

    Every threshold between two neighbouring scores is equally good on the pairs that choose it. `best_f1` names the
    upper end, the score itself; a model that was trained on the pairs separates them widely, and the scores of other
    pairs fall into the gap: nothing speaks for either end, and the middle keeps the largest distance from both labels.
    (Decision trees cut there, and so does the `BinaryClassificationEvaluator` of sentence-transformers.) Where every
    pair is called positive there is no lower score, and the threshold is the least score of all.

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
    """What a threshold achieves; each value has the shape `(n_resamples,)`.

    Args:
        threshold: A pair is called positive when its score reaches it.
        scores: Similarity of each pair, finite, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.
        weights: See the module.

    Returns:
        `f1`, `accuracy`, `precision`, `recall` in [0, 1], and the numbers `false_positives` and `false_negatives`.
        Precision is NaN where no pair is called positive.
    """
    positive, called = labels == 1, scores >= threshold
    hits, alarms, misses, rejections = (
        weights @ rows.astype(np.float64)
        for rows in (positive & called, ~positive & called, positive & ~called, ~positive & ~called)
    )
    both = (hits + misses > 0) & (alarms + rejections > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "f1": 2 * hits / (2 * hits + alarms + misses),
            "accuracy": (hits + rejections) / (hits + alarms + misses + rejections),
            "precision": hits / (hits + alarms),
            "recall": hits / (hits + misses),
            "false_positives": alarms,
            "false_negatives": misses,
        }
    return {name: np.where(both, values, np.nan) for name, values in found.items()}


def average_precision(scores: Values, labels: NDArray[np.int8], weights: Values) -> Values:
    """Precision at every threshold, weighted by the recall that the threshold adds; pairs of one score come together.

    In [0, 1]; a guess has the share of positives. Independent of any one threshold, and unlike the AUC-ROC it asks how
    pure the pairs are that are called positive. As `sklearn.metrics.average_precision_score`, for many resamples.

    Args:
        scores: Similarity of each pair, finite, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.
        weights: See the module.
    """
    order = np.argsort(-scores, kind="stable")
    ordered, ordered_labels, ordered_weights = scores[order], labels[order], weights[:, order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    called = np.cumsum(ordered_weights, axis=1)[:, ends]
    hits = np.cumsum(ordered_weights * ordered_labels, axis=1)[:, ends]
    positives, count = hits[:, -1], called[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(called > 0, hits / called, 0)
        found = np.vecdot(np.diff(hits, axis=1, prepend=0), precision) / positives
    return np.where((positives > 0) & (positives < count), found, np.nan)


def isotonic_probabilities(known: Values, labels: NDArray[np.int8], scores: Values) -> Values:
    """Scores as probabilities of label 1: the rising step function that fits other, labelled pairs best.

    Args:
        known: Similarity of the pairs to fit on, finite, shape `(n_known,)`.
        labels: Their labels, 0 or 1, shape `(n_known,)`.
        scores: Similarity of the pairs to give a probability to, finite, shape `(n_pairs,)`.

    Returns:
        In [0, 1], shape `(n_pairs,)`. Beyond the known scores, as at the nearest of them.

    Source:
        B. Zadrozny and C. Elkan, "Transforming classifier scores into accurate multiclass probability estimates", 2002.
    """
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(known, labels.astype(np.float64))
    return np.asarray(fitted.predict(scores), dtype=np.float64)


def brier_score(probabilities: Values, labels: NDArray[np.int8], weights: Values) -> Values:
    """Mean squared difference of probability and label, in [0, 1]; lower is better.

    Args:
        probabilities: That each pair has label 1, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.
        weights: See the module.

    Source:
        G. Brier, "Verification of forecasts expressed in terms of probability", 1950.
    """
    count, positives = weights.sum(axis=1), weights @ labels.astype(np.float64)
    with np.errstate(invalid="ignore"):
        found = weights @ (probabilities - labels) ** 2 / count
    return np.where((positives > 0) & (positives < count), found, np.nan)
