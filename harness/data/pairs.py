"""Pair files: JSON Lines in, a validated and frozen `PairSet` out. Every bad row is named by file and line."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError

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

    @cached_property
    def fingerprints(self) -> NDArray[np.uint64]:
        """One number for each distinct pair of texts, sorted: tells shared pairs without giving the texts away.

        The same two texts have the same number in any order, case and spacing, and whatever their label.
        """
        folded = {tuple(sorted(fold(text) for text in (p.text_1, p.text_2))) for p in self.pairs}
        digests = (hashlib.sha256(json.dumps(texts).encode()).digest() for texts in folded)
        return np.array(sorted(int.from_bytes(digest[:8], "big") for digest in digests), dtype=np.uint64)

    def shared_with(self, other: PairSet) -> int:
        """Number of the distinct pairs that are in another set as well, whatever their label (see `fingerprints`)."""
        return len(np.intersect1d(self.fingerprints, other.fingerprints))


def fold(text: str, prefixes: Iterable[str] = ()) -> str:
    r"""Put a text in one case and single spaces, so that the same words are the same text.

    Args:
        text: The text.
        prefixes: What may stand in front and says nothing, such as a speaker; the longest that fits is taken away.

    Example:
        >>> fold("Boy:  I love\tTEA", ["boy: ", "girl: "])
        'i love tea'
    """
    whole = " ".join(text.casefold().split())
    for start in sorted((fold(prefix) for prefix in prefixes), key=len, reverse=True):
        rest = whole.removeprefix(start)
        # A prefix that ends in a letter is a word: "to" does not stand in front of "tomorrow".
        if rest != whole and not (start[-1].isalnum() and rest[:1].isalnum()):
            return rest.lstrip()
    return whole


def read_pairs(path: Path) -> PairSet:
    """Read and validate a JSON Lines file of pairs.

    Raises:
        DataError: The file is missing, empty or has bad rows: all of them are listed (the first 20) as
            `file:line: reason`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    pairs: list[Pair] = []
    problems: list[str] = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            pairs.append(_parse_row(line))
        except DataError as error:
            problems.append(f"{path}:{number}: {error}")
    if problems:
        hidden = len(problems) - _SHOWN_ROWS
        shown = problems[:_SHOWN_ROWS] + ([f"... and {hidden} more bad rows"] if hidden > 0 else [])
        raise DataError("\n".join(shown))
    if not pairs:
        raise DataError(f"{path}: no pairs in it; expected one JSON object a line")
    return PairSet(path=path, digest=hashlib.sha256(content).hexdigest(), pairs=tuple(pairs))


def _parse_row(line: bytes) -> Pair:
    try:
        row = json.loads(line.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 (byte {error.start + 1} of the line: 0x{line[error.start]:02x})") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON ({error}); expected one object a line") from None
    if not isinstance(row, dict):
        raise DataError(f"got {_kind(row)}, expected an object with the fields {', '.join(_FIELDS)}")
    if reasons := [*_field_problems(row)]:
        raise DataError("; ".join(reasons))
    return Pair(**row)


def _object(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; JSON itself would take the last of two values for a key."""
    twice = [key for key, count in Counter(key for key, _ in items).items() if count > 1]
    if twice:
        raise ValueError(f"the key {twice[0]!r} stands in it twice")
    return dict(items)


_FIELDS = tuple(field.name for field in fields(Pair))


def _field_problems(row: dict[str, Any]) -> Iterable[str]:
    for name in _FIELDS:
        if name not in row:
            yield f"no field {name!r}"
        elif name == "label":
            if isinstance(row[name], bool) or row[name] not in (0, 1) or not isinstance(row[name], int):
                yield f"label is {json.dumps(row[name])}, expected 0 or 1"
        elif not isinstance(row[name], str):
            yield f"{name} is {_kind(row[name])}, expected a text"
        elif not row[name].strip():
            yield f"{name} is empty"
        elif any("\ud800" <= character <= "\udfff" for character in row[name]):
            yield f"{name} holds half a surrogate pair, which is no character"
    if unknown := sorted(set(row) - set(_FIELDS)):
        yield f"unknown field {', '.join(map(repr, unknown))}; expected {', '.join(_FIELDS)}"


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
