"""Lists and arrays from a caller -> the arrays and the `PairSet` that metrics and analyses take."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.data import Pair, PairSet
from harness.errors import DataError
from harness.text import count, shortened

Texts = Sequence[tuple[str, str]]
"""Both texts of each pair. Pairs that share a text are drawn together: without texts each pair stands alone."""


def pair_set(
    labels: ArrayLike,
    *,
    texts: Texts | None = None,
    categories: Sequence[str] | None = None,
    pair_types: Sequence[str] | None = None,
) -> PairSet:
    """Build pairs from what is known about each.

    Raises:
        DataError: A label is not 0 or 1, or something has not one value a pair.
    """
    values = _vector("labels", labels)
    strange = [value for value in values.tolist() if value not in (0, 1)]
    if strange:
        raise DataError(f"labels: got {shortened(repr(strange[0]), 60)}, expected 0 or 1 for each pair")
    total = len(values)
    both = [(f"{row}, first", f"{row}, second") for row in range(total)] if texts is None else list(texts)
    groups = [_names(name, given, total) for name, given in (("categories", categories), ("pair_types", pair_types))]
    _require_length("texts", both, total)
    columns = zip(both, map(int, values), *groups, strict=True)
    pairs = (Pair(str(one), str(other), label, name, "", kind) for (one, other), label, name, kind in columns)
    return PairSet(path=Path("pairs"), digest="", pairs=tuple(pairs))


def score_vector(name: str, scores: ArrayLike, total: int) -> NDArray[np.float64]:
    """Return the score of each pair, shape `(n_pairs,)`.

    Raises:
        DataError: They are no numbers, or not one for each pair.
    """
    values = _vector(name, scores)
    _require_length(name, values, total)
    return values


def _vector(name: str, values: ArrayLike) -> NDArray[np.float64]:
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: not numbers ({error}); expected one number for each pair") from None
    if found.ndim != 1:
        raise DataError(f"{name}: came with shape {found.shape}, expected one number for each pair: (n_pairs,)")
    return found


def _names(name: str, given: Sequence[str] | None, total: int) -> list[str]:
    if given is None:
        return [""] * total
    _require_length(name, given, total)
    return list(map(str, given))


def _require_length(name: str, given: Sequence[Any] | NDArray[Any], total: int) -> None:
    if len(given) != total:
        raise DataError(f"{name}: came with {count(len(given), 'value')} for {count(total, 'label')}")
