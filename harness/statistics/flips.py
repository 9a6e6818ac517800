"""The pairs that a model got right and another one gets wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.metrics.checks import require_length
from harness.metrics.threshold import best_f1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Flip(NamedTuple):
    """One pair that was right and is wrong now.

    Attributes:
        row: Its row in the given arrays.
        label: 0 or 1.
        now: Score now.
        stored: Score before.
        loss: How much further on the wrong side of its model's threshold the pair is now than it was before, in cosine
            similarity, above 0.
        pair_type: As given.
        category: As given.
    """

    row: int
    label: int
    now: float
    stored: float
    loss: float
    pair_type: str
    category: str


def flips(
    now: NDArray[np.float64],
    stored: NDArray[np.float64],
    labels: NDArray[np.int8],
    pair_types: Sequence[str],
    categories: Sequence[str],
) -> tuple[Flip, ...]:
    """Lists the pairs that were right and are wrong now, each model at its own threshold of the best F1.

    A pair is predicted positive when its score reaches the threshold, and right when that is its label.

    Args:
        now: Similarity of each pair, shape `(n_pairs,)`.
        stored: The same pairs' similarities under the other model.
        labels: 0 or 1, shape `(n_pairs,)`.
        pair_types: Pair type of each pair.
        categories: Category of each pair.

    Returns:
        Worst first. Empty where a threshold is undefined.

    Raises:
        ValueError: If the shapes do not fit.
    """
    require_length("pair_types", pair_types, len(now))
    require_length("categories", categories, len(now))
    best = [best_f1(scores, labels) for scores in (now, stored)]
    if any(result.reason for result in best):
        return ()
    thresholds = [result.details["threshold"] for result in best]
    now_right, before_right = ((scores >= at) == labels for scores, at in zip((now, stored), thresholds, strict=True))
    loss = (2 * labels - 1) * ((stored - thresholds[1]) - (now - thresholds[0]))
    found = [
        Flip(
            row,
            int(labels[row]),
            float(now[row]),
            float(stored[row]),
            float(loss[row]),
            pair_types[row],
            categories[row],
        )
        for row in np.flatnonzero(before_right & ~now_right).tolist()
    ]
    # Equal losses in an order of their own, not that of the file.
    return tuple(sorted(found, key=lambda flip: (-flip.loss, *flip[1:])))
