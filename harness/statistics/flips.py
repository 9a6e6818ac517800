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
    """One pair that is right under one model and wrong under the other.

    Attributes:
        row: Its row in the given arrays.
        label: 0 or 1.
        now: Score now.
        stored: Score before.
        loss: How much further on the wrong side of its model's threshold the pair is now than it was before, in cosine
            similarity: positive where it was right and is wrong now.
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


class Flips(NamedTuple):
    """The pairs that changed sides.

    Attributes:
        lost: Right before, wrong now; worst first.
        gained: Wrong before, right now; smallest gain first.
        thresholds: Of the best F1, now and before; NaN where undefined.
        degenerate: Whether either best F1 is no better than calling every pair positive: what is right or wrong at such
            a threshold means nothing.
        reason: Why there are no flips to speak of, in words; else empty.
    """

    lost: tuple[Flip, ...]
    gained: tuple[Flip, ...]
    thresholds: tuple[float, float]
    degenerate: bool
    reason: str = ""


def flips(
    now: NDArray[np.float64],
    stored: NDArray[np.float64],
    labels: NDArray[np.int8],
    pair_types: Sequence[str],
    categories: Sequence[str],
) -> Flips:
    """Lists the pairs that were right and are wrong, and the reverse, each model at its own threshold of the best F1.

    A pair is predicted positive when its score reaches the threshold, and right when that is its label.

    Args:
        now: Similarity of each pair, shape `(n_pairs,)`.
        stored: The same pairs' similarities under the other model.
        labels: 0 or 1, shape `(n_pairs,)`.
        pair_types: Pair type of each pair.
        categories: Category of each pair.

    Returns:
        Both lists sorted by falling loss. Empty with a reason where a threshold is undefined.

    Raises:
        ValueError: If the shapes do not fit.
    """
    require_length("pair_types", pair_types, len(now))
    require_length("categories", categories, len(now))
    best = [best_f1(scores, labels) for scores in (now, stored)]
    if reason := "; ".join(dict.fromkeys(result.reason for result in best if result.reason)):
        return Flips((), (), (np.nan, np.nan), False, reason)
    thresholds = best[0].details["threshold"], best[1].details["threshold"]
    now_right, before_right = ((scores >= at) == labels for scores, at in zip((now, stored), thresholds, strict=True))
    loss = (2 * labels - 1) * ((stored - thresholds[1]) - (now - thresholds[0]))

    def listed(chosen: NDArray[np.bool_]) -> tuple[Flip, ...]:
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
            for row in np.flatnonzero(chosen).tolist()
        ]
        # Equal losses in an order of their own, not that of the file.
        return tuple(sorted(found, key=lambda flip: (-flip.loss, *flip[1:])))

    return Flips(
        lost=listed(before_right & ~now_right),
        gained=listed(now_right & ~before_right),
        thresholds=thresholds,
        degenerate=any(result.details["degenerate"] for result in best),
    )
