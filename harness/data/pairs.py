"""Pairs of texts with their labels, frozen, as everything behind the readers sees them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from unicodedata import category, normalize

import numpy as np
from numpy.typing import NDArray

_BLOCK = 4096
"""Pairs that are put in words at once for their digest."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and what is known about them; empty where nothing is.

    Attributes:
        label: 1 (compatible, positive) or 0.
        grade: Graded similarity that the label comes from, such as a human rating; None where the label is all.
        id: The user's own name of the pair.
    """

    text_1: str
    text_2: str
    label: int
    category: str = ""
    subcategory: str = ""
    pair_type: str = ""
    grade: float | None = None
    id: str = ""


@dataclass(frozen=True)
class PairSet:
    """The pairs of one file, in file order.

    Attributes:
        path: The file; of a hub dataset its name.
        digest: Of JSON Lines that need no mapping the sha256 of the file's bytes, else that of the pairs.
        pairs: The pairs.
        lines: Line, or row of a table, of each pair; by default one a line.
    """

    path: Path
    digest: str
    pairs: tuple[Pair, ...]
    lines: Sequence[int] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.pairs)

    @cached_property
    def labels(self) -> NDArray[np.int8]:
        """Labels, shape `(n_pairs,)`, 0 or 1."""
        return np.array([pair.label for pair in self.pairs], dtype=np.int8)

    @cached_property
    def grades(self) -> NDArray[np.float64] | None:
        """Grades, shape `(n_pairs,)`; None where the pairs have labels alone."""
        if not self.pairs or self.pairs[0].grade is None:
            return None
        return np.array([pair.grade for pair in self.pairs], dtype=np.float64)

    @cached_property
    def targets(self) -> NDArray[np.float64]:
        """The similarity to train towards, shape `(n_pairs,)`: the grades, their range put on [0, 1], or the labels."""
        if self.grades is None:
            return self.labels.astype(np.float64)
        low, high = self.grades.min(), self.grades.max()
        return np.asarray((self.grades - low) / (high - low if high > low else 1.0))

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Category of each pair."""
        return tuple(pair.category for pair in self.pairs)

    @property
    def has_categories(self) -> bool:
        """True if any pair has a category."""
        return any(self.categories)

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

    @cached_property
    def fingerprints(self) -> NDArray[np.uint64]:
        """One number for each distinct pair of texts, sorted: tells shared pairs without giving the texts away.

        The same two texts have the same number in any order, case and spacing, and whatever their label.
        """
        folded = {tuple(sorted(fold(text) for text in (p.text_1, p.text_2))) for p in self.pairs}
        digests = (hashlib.sha256(json.dumps(texts).encode()).digest() for texts in folded)
        return np.array(sorted(int.from_bytes(digest[:8], "big") for digest in digests), dtype=np.uint64)

    def graded_by(self, grades: Sequence[float]) -> PairSet:
        """Return the same pairs with other grades, one a pair."""
        pairs = tuple(replace(pair, grade=grade) for pair, grade in zip(self.pairs, grades, strict=True))
        return PairSet(self.path, pairs_digest(pairs), pairs, self.lines)

    def with_replay(self, replay: PairSet) -> PairSet:
        """Return these pairs and those of another set, each graded by its own targets."""
        both = tuple(
            replace(pair, grade=float(target))
            for pairs in (self, replay)
            for pair, target in zip(pairs, pairs.targets, strict=True)
        )
        return PairSet(self.path, pairs_digest(both), both)

    def line(self, row: int) -> int:
        """Return the line of a pair, from 1."""
        return self.lines[row] if len(self.lines) else row + 1

    def shared_with(self, other: PairSet) -> int:
        """Number of the distinct pairs that are in another set as well, whatever their label (see `fingerprints`)."""
        return len(np.intersect1d(self.fingerprints, other.fingerprints))


def fold(text: str, prefixes: Iterable[str] = ()) -> str:
    r"""Put a text in one form, so that the same words are the same text: one case, single spaces, Unicode's NFKC.

    Characters that only say how others are shown, such as a soft hyphen or a byte order mark, are dropped.

    Args:
        text: The text.
        prefixes: What may stand in front and says nothing, such as a speaker; the longest that fits is taken away.

    Example:
        >>> fold("Boy:  I love\tTEA", ["boy: ", "girl: "])
        'i love tea'
        >>> fold("\ufeffA soft\u00adener")
        'a softener'
    """
    if not text.isascii():
        text = "".join(letter for letter in normalize("NFKC", text) if category(letter) != "Cf")
    whole = " ".join(text.casefold().split())
    for start in sorted((fold(prefix) for prefix in prefixes), key=len, reverse=True):
        rest = whole.removeprefix(start)
        # A prefix that ends in a letter is a word: "to" does not stand in front of "tomorrow".
        if rest != whole and not (start[-1].isalnum() and rest[:1].isalnum()):
            return rest.lstrip()
    return whole


def pairs_digest(pairs: Sequence[Pair]) -> str:
    """Return the sha256 of pairs, whatever file they stood in."""
    digest, content = hashlib.sha256(), attrgetter(*(field.name for field in fields(Pair)))
    for start in range(0, len(pairs), _BLOCK):
        digest.update(json.dumps([content(pair) for pair in pairs[start : start + _BLOCK]]).encode())
    return digest.hexdigest()
