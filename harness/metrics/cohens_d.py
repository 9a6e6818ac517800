"""Cohen's d: the margin in standard deviations."""

from typing import Any

import numpy as np

from harness.metrics.checks import split_scores, undefined, why_undefined
from harness.metrics.types import Labels, MetricResult, Tally, Values

_ROUNDING = 1e-12
"""Of a cosine: equal scores need not deviate by exactly 0 from their mean."""


def cohens_d(scores: Values, labels: Labels) -> MetricResult:
    """The margin in pooled standard deviations (Bessel-corrected, `ddof=1`), with Welch's t-test.

    Args:
        scores: Similarity of each pair, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.

    Returns:
        Effect size in standard deviations, (-inf, inf). Undefined unless there are pairs of both labels, three pairs at
        least, and all scores are finite; undefined, too, if the scores do not vary within either label but for
        rounding: the effect is then 0/0 or infinite, and an infinite value could be neither stored nor compared.
        Details: `pooled_sd`, and of Welch's unequal-variances t-test `welch_t`, `welch_df` and the two-sided `p_value`,
        each None where a label has only one pair.

    Source:
        J. Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988, chapter 2; B. L. Welch, "The
        generalization of 'Student's' problem", 1947; `scipy.stats.ttest_ind(equal_var=False)`.

    Example:
        >>> cohens_d(np.array([0.0, 2.0, 3.0, 5.0]), np.array([0, 0, 1, 1])).value
        2.1213203435596424
    """
    if reason := why_undefined("cohens_d", scores, labels):
        return undefined(reason)
    positive, negative = split_scores(scores, labels)
    freedom = len(positive) + len(negative) - 2
    if freedom == 0:
        return undefined("cohens_d needs at least 3 pairs: 1 positive, 1 negative pair")
    difference = float(positive.mean() - negative.mean())
    squares = float(np.sum((positive - positive.mean()) ** 2)), float(np.sum((negative - negative.mean()) ** 2))
    pooled_sd = float(np.sqrt(sum(squares) / freedom))
    if pooled_sd <= _ROUNDING:
        kind = "0/0" if abs(difference) <= _ROUNDING else "infinite"
        return undefined(
            f"cohens_d is {kind}: all positive scores are {positive[0]:g}, all negative scores are {negative[0]:g}"
        )
    details = {"pooled_sd": pooled_sd, **_welch(difference, squares, (len(positive), len(negative)))}
    return MetricResult(difference / pooled_sd, details=details)


def weighted_cohens_d(tally: Tally) -> Values:
    """`cohens_d` in many resamples, shape `(n_resamples,)`."""
    positive, negative = (mean[:, np.newaxis] for mean in tally.means)
    # Squares of deviations, not a difference of sums of squares: that would leave rounding where scores hardly vary.
    deviations = tally.ranking.labels * (positive - negative)
    deviations += negative
    np.subtract(tally.ranking.scores, deviations, out=deviations)
    deviations *= deviations
    pooled_sd = np.sqrt(np.vecdot(tally.weights, deviations) / (tally.count - 2))
    difference = (positive - negative)[:, 0]
    return np.where((tally.count > 2) & (pooled_sd > _ROUNDING), difference / pooled_sd, np.nan)


def _welch(difference: float, squares: tuple[float, float], counts: tuple[int, int]) -> dict[str, Any]:
    """Welch's t, its degrees of freedom and its two-sided p-value."""
    from scipy.special import stdtr  # the distribution function of Student's t, as in scipy.stats, which loads slower

    if min(counts) < 2:
        return {"welch_t": None, "welch_df": None, "p_value": None}
    # Variances of the two means.
    first, second = (square / (count - 1) / count for square, count in zip(squares, counts, strict=True))
    share = first / (first + second)
    df = 1 / (share**2 / (counts[0] - 1) + (1 - share) ** 2 / (counts[1] - 1))
    t = difference / float(np.sqrt(first + second))
    return {"welch_t": t, "welch_df": df, "p_value": float(2 * stdtr(df, -abs(t)))}
