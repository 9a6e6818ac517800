"""A threshold in use, chosen on some pairs and judged on others, and the scores behind it as probabilities.

What judges takes `scores` (finite) and `labels` (0 or 1) of shape `(n_pairs,)`, and `weights` of shape `(n_resamples,
n_pairs)`: how often each pair is in each resample; ones in a single row are the pairs themselves. It returns values of
shape `(n_resamples,)`, NaN in a resample without pairs of both labels.
"""

import numpy as np

from harness.metrics.best_f1 import best_f1
from harness.metrics.checks import undefined, why_undefined
from harness.metrics.tally import rank
from harness.metrics.types import Labels, MetricResult, Tally, Values

_LEAST_SCORE = -1.0  # of a cosine


def separating_threshold(scores: Values, labels: Labels) -> MetricResult:
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


def values_at(threshold: float, scores: Values, labels: Labels, weights: Values) -> dict[str, Values]:
    """Quality of the predictions in many resamples: a pair is predicted positive when its score reaches the threshold.

    Returns:
        `f1`, `accuracy`, `precision`, `recall` in [0, 1], and the numbers `false_positives` and `false_negatives`.
        Precision is NaN, too, where no pair is predicted positive.
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


def average_precision(scores: Values, labels: Labels, weights: Values) -> Values:
    """Precision at every threshold, weighted by the recall that the threshold adds, in many resamples.

    Pairs of one score come together. Unlike the AUC-ROC it asks how pure the pairs are that are predicted positive.

    Returns:
        In [0, 1]; without skill it is the share of positives.

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
        found = np.vecdot(np.diff(tally.tp, axis=1, prepend=0), precision) / tally.positives
    return np.where((tally.positives > 0) & (tally.negatives > 0), found, np.nan)


def isotonic_probabilities(train_scores: Values, train_labels: Labels, scores: Values) -> Values:
    """Scores as probabilities of label 1: the rising step function that fits labelled pairs best.

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

    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    fitted = model.fit(train_scores, train_labels.astype(np.float64))
    return np.asarray(fitted.predict(scores), dtype=np.float64)


def brier_score(probabilities: Values, labels: Labels, weights: Values) -> Values:
    """Mean squared difference of the probability of label 1 and the label, in many resamples.

    Returns:
        In [0, 1], lower is better.

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
