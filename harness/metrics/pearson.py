"""Pearson's correlation."""

import numpy as np

from harness.metrics.checks import require_length, undefined, why_not_numbers
from harness.metrics.types import MetricResult, Values


def pearson(scores: Values, grades: Values) -> MetricResult:
    """Pearson's linear correlation of scores and grades.

    Args:
        scores: Similarity of each pair, shape `(n_pairs,)`.
        grades: Grade of each pair, shape `(n_pairs,)`, such as human similarity ratings.

    Returns:
        Correlation in [-1, 1]. Undefined without pairs, if all scores or all grades are equal, or if one is not finite.
        No details.

    Source:
        K. Pearson, "Notes on regression and inheritance in the case of two parents", 1895; `scipy.stats.pearsonr`.

    Example:
        >>> round(pearson(np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 4.0])).value, 3)
        0.982
    """
    require_length("grades", grades, len(scores))
    if reason := why_not_numbers("pearson", scores, "scores") or why_not_numbers("pearson", grades, "grades"):
        return undefined(reason)
    for name, values in (("scores", scores), ("grades", grades)):
        if np.all(values == values[0]):
            return undefined(f"pearson needs {name} that differ: all {len(values)} are {values[0]:g}")
    x, y = (values.astype(np.float64) - values.mean(dtype=np.float64) for values in (scores, grades))
    correlation = float(np.sum(x * y) / np.sqrt(np.sum(x * x) * np.sum(y * y)))
    return MetricResult(min(1.0, max(-1.0, correlation)))
