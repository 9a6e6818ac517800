"""What one threshold on the scores achieves: the best F1, and the false positives at its threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.metrics.checks import require_length, split_scores, undefined, why_undefined
from harness.metrics.types import MetricResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_FLOAT_NOISE = 1e-12


def best_f1(scores: NDArray[np.float64], labels: NDArray[np.int8]) -> MetricResult:
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
    true_positives = len(positive) - np.searchsorted(positive, thresholds, side="left")
    false_positives = len(negative) - np.searchsorted(negative, thresholds, side="left")
    f1 = 2 * true_positives / (true_positives + false_positives + len(positive))
    best = int(np.argmax(f1))  # the first of equal ones, and thresholds fall
    hits, alarms = int(true_positives[best]), int(false_positives[best])
    floor = 2 * len(positive) / (2 * len(positive) + len(negative))
    details = {
        "threshold": float(thresholds[best]),
        "accuracy": (hits + len(negative) - alarms) / len(scores),
        "precision": hits / (hits + alarms),
        "recall": hits / len(positive),
        "floor": floor,
        "degenerate": bool(f1[best] <= floor + _FLOAT_NOISE),
    }
    return MetricResult(float(f1[best]), details=details)


def false_positives(scores: NDArray[np.float64], labels: NDArray[np.int8], pair_types: Sequence[str]) -> MetricResult:
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
