"""Spearman's rank correlation."""

import numpy as np

from harness.metrics.checks import require_length, undefined, why_not_numbers
from harness.metrics.tally import Integers, running_counts
from harness.metrics.types import Labels, MetricResult, Tally, Values


def spearman(scores: Values, labels: Values | Labels) -> MetricResult:
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
    x, y = (average_ranks(values) - (len(values) + 1) / 2 for values in (scores, labels))
    correlation = float(np.sum(x * y) / np.sqrt(np.sum(x * x) * np.sum(y * y)))
    return MetricResult(min(1.0, max(-1.0, correlation)))


def weighted_spearman(tally: Tally) -> Values:
    """`spearman` of grades, else of binary labels, in many resamples, shape `(n_resamples,)`.

    The sums of the ranks of labels are in closed form: a binary label has two ranks, and n/2 lies between them.
    """
    if tally.ranking.grades is not None:
        return _of_grades(tally, *tally.ranking.grades)
    count, couples = tally.count, tally.positives * tally.negatives
    rank_squares = (count**3 - np.vecdot(tally.at_score * tally.at_score, tally.at_score)) / 12
    products = count / 2 * (tally.wins - couples / 2)
    return np.asarray(np.clip(products / np.sqrt(rank_squares * count * couples / 4), -1, 1))


def _of_grades(tally: Tally, order: Integers, ends: Integers) -> Values:
    """The correlation of the ranks of scores and of grades, both sorted once."""
    falling = np.arange(tally.weights.shape[1]) if tally.ranking.ends is None else tally.ranking.ends
    x = _weighted_ranks(tally.weights, falling)
    y = np.empty_like(x)
    y[:, order] = _weighted_ranks(tally.weights[:, order], ends)
    products, x_squares, y_squares = (np.vecdot(tally.weights, a * b) for a, b in ((x, y), (x, x), (y, y)))
    return np.asarray(np.clip(-products / np.sqrt(x_squares * y_squares), -1, 1))  # scores fall, grades rise


def _weighted_ranks(weights: Values, ends: Integers) -> Values:
    """Mean rank of each group of equal values, less the mean of all ranks, shape `(n_resamples, n_pairs)`."""
    up_to = running_counts(weights)[:, ends]
    middle = up_to - np.diff(up_to, axis=1, prepend=0) / 2 - up_to[:, -1:] / 2
    return np.repeat(middle, np.diff(ends, prepend=-1), axis=1)


def average_ranks(values: Values | Labels) -> Values:
    """Ranks from 1 to n, ascending, shape `(n,)`; equal values share the mean of their ranks.

    They are multiples of 1/2: sums of them are exact.

    Example:
        >>> average_ranks(np.array([0.3, 0.1, 0.3])).tolist()
        [2.5, 1.0, 2.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(shared[inverse], dtype=np.float64)
