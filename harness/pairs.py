"""Pair files: JSON Lines in, a validated and frozen `PairSet` out. Every bad row is named by file and line."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

_SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and what is known about them. `label` is 1 (compatible, positive) or 0."""

    text_1: str
    text_2: str
    label: int
    category: str
    subcategory: str
    pair_type: str


@dataclass(frozen=True)
class PairSet:
    """The pairs of one file, in file order, with the sha256 of the file's bytes."""

    path: Path
    digest: str
    pairs: tuple[Pair, ...]

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.pairs)

    @cached_property
    def labels(self) -> NDArray[np.int8]:
        """Labels, shape `(n_pairs,)`, 0 or 1."""
        return np.array([pair.label for pair in self.pairs], dtype=np.int8)

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Category of each pair."""
        return tuple(pair.category for pair in self.pairs)

    @cached_property
    def pair_types(self) -> tuple[str, ...]:
        """Pair type of each pair."""
        return tuple(pair.pair_type for pair in self.pairs)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Distinct texts in the order of their first occurrence: each is encoded once, however often it occurs."""
        return tuple(dict.fromkeys(text for pair in self.pairs for text in (pair.text_1, pair.text_2)))

    @cached_property
    def text_rows(self) -> NDArray[np.int64]:
        """Rows of both texts of each pair in `texts`, shape `(n_pairs, 2)`."""
        row = {text: index for index, text in enumerate(self.texts)}
        return np.array([(row[p.text_1], row[p.text_2]) for p in self.pairs], dtype=np.int64).reshape(-1, 2)
