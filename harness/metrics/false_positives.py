"""False positives at the threshold of the best F1."""

import numpy as np

from harness.metrics.best_f1 import best_f1
from harness.metrics.checks import require_length, undefined, why_undefined
from harness.metrics.types import Labels, MetricResult, Tally, Values


def false_positives(scores: Values, labels: Labels, pair_types: tuple[str, ...]) -> MetricResult:
    """Number of negative pairs whose score reaches the threshold of the best F1.

    Args:
        scores: Similarity of each pair, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.
        pair_types: Pair type of each pair, `n_pairs` names.

    Returns:
        Number of pairs, from 0 to the number of negatives; lower is better. Undefined where `best_f1` is. Details:
        `threshold`, `degenerate` (see `best_f1`: every count at such a threshold is meaningless), `negatives`, `rate`
        (false positives per negative, in [0, 1]), and `by_pair_type`, which maps each pair type that has negatives to
        its `false_positives` and `negatives`.

    Example:
        >>> false_positives(np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 1, 0, 1]), ("easy", "", "hard", "")).value
        1.0
    """
    reason = why_undefined("false_positives", scores, labels)
    require_length("pair_types", pair_types, len(scores))
    if reason:
        return undefined(reason)
    f1 = best_f1(scores, labels)
    negative = labels == 0
    wrong = negative & (scores >= f1.details["threshold"])
    types = np.array(pair_types)
    count, negatives = int(np.count_nonzero(wrong)), int(np.count_nonzero(negative))
    details = {
        "threshold": f1.details["threshold"],
        "degenerate": f1.details["degenerate"],
        "negatives": negatives,
        "rate": count / negatives,
        "by_pair_type": {
            str(name): {
                "false_positives": int(np.count_nonzero(wrong & (types == name))),
                "negatives": int(np.count_nonzero(negative & (types == name))),
            }
            for name in np.unique(types[negative])
        },
    }
    return MetricResult(float(count), details=details)


def weighted_false_positives(tally: Tally) -> Values:
    """`false_positives` in many resamples, shape `(n_resamples,)`: each has a threshold of its own."""
    return tally.best[1]
