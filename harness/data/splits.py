"""A seeded part of the training pairs, set aside by text: no text stands on both sides."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.data.pairs import PairSet, fold, pairs_digest
from harness.errors import DataError
from harness.statistics.resampling import independent_groups

SEED = 0
"""Of the draw: the same pairs have the same split, in every run."""


def split_off(pairs: PairSet, share: float, prefixes: Sequence[str] = ()) -> tuple[PairSet, PairSet]:
    """Return the pairs without a part, and the part: a share of them, drawn by groups of pairs with common texts.

    Pairs that share a text, directly or through others, stay on one side. The part is at most as large as asked for,
    since a group is drawn whole.

    Args:
        pairs: The pairs.
        share: Of them, above 0 and below 1.
        prefixes: What may stand in front of a text and says nothing (see `fold`).

    Raises:
        DataError: No group is small enough to be drawn.
    """
    folded = {text: fold(text, prefixes) for text in pairs.texts}
    numbers = {text: number for number, text in enumerate(dict.fromkeys(folded.values()))}
    rows = np.array([[numbers[folded[text]] for text in (pair.text_1, pair.text_2)] for pair in pairs], dtype=np.int64)
    groups = independent_groups(rows)
    sizes = np.bincount(groups)
    left, drawn = share * len(pairs), np.zeros(len(sizes), dtype=np.bool_)
    for group in np.random.default_rng(SEED).permutation(len(sizes)):
        if sizes[group] <= left:
            drawn[group] = True
            left -= sizes[group]
    aside = drawn[groups]
    if not aside.any():
        raise DataError(
            f"{pairs.path}: no {share:.0%} of its {len(pairs):,} pairs can be set aside: those that hang together by "
            f"their texts are {sizes.min():,} or more; name a file of other pairs"
        )
    return _part(pairs, ~aside), _part(pairs, aside)


def _part(pairs: PairSet, chosen: NDArray[np.bool_]) -> PairSet:
    rows = np.flatnonzero(chosen).tolist()
    kept = tuple(pairs.pairs[row] for row in rows)
    return replace(pairs, digest=pairs_digest(kept), pairs=kept, lines=tuple(pairs.line(row) for row in rows))
