"""Rows -> pairs, all by one validator: a bad row is named by file and line, a file of another kind once."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.data.layout import Given, Layout, find_layout
from harness.data.pairs import Pair, PairSet, pairs_digest
from harness.data.readers import PairSource, kind, rows_of
from harness.errors import DataError
from harness.execution.digests import file_digest

_SHOWN_ROWS = 20
_LABELS = {0: 0, 1: 1, "0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}
"""Spelling of a label, texts in lower case -> label. A number that is equal, and a boolean, is the same key."""


def read_pairs(
    source: PairSource,
    *,
    columns: Mapping[str, str] = MappingProxyType({}),
    threshold: float | None = None,
    strict: bool = False,
) -> PairSet:
    """Read and validate pairs.

    Args:
        source: A file, read by its suffix (see `READERS`), a directory that `datasets` saved, or a dataset on the hub.
        columns: Our field -> its column, where the layout is none of the usual ones (see `LAYOUTS`).
        threshold: The least grade of a positive pair: labels are then graded scores. None: they are 0 or 1.
        strict: Whether a column that no field comes from is an error.

    Raises:
        DataError: The source cannot be read, is empty or has bad rows. They are listed (the first 20) as `file:line:
            reason`; where no row is a pair at all, the first stands for all.
    """
    validator = _Validator(columns, threshold, strict)
    pairs: list[Pair] = []
    lines, bad, problems = array("q"), 0, list[tuple[int, str]]()
    for line, cells in rows_of(source):
        try:
            found = validator.pairs(cells)
        except DataError as error:
            bad += 1
            if bad <= _SHOWN_ROWS:
                problems.append((line, str(error)))
            elif not pairs:
                break
            continue
        pairs += found
        lines.extend([line] * len(found))
    if bad:
        raise DataError("\n".join(_problem_lines(source, problems, bad, nothing=not pairs)))
    if not pairs:
        raise DataError(f"{source}: no pairs in it")
    is_own = all(layout.is_own for layout in validator.layouts.values()) and threshold is None
    if isinstance(source, Path):
        plain = is_own and source.suffix == ".jsonl"
        return PairSet(source, file_digest(source) if plain else pairs_digest(pairs), tuple(pairs), lines)
    return PairSet(Path(str(source)), pairs_digest(pairs), tuple(pairs), lines)


def _problem_lines(source: PairSource, problems: list[tuple[int, str]], bad: int, *, nothing: bool) -> list[str]:
    if nothing and bad > 1:
        line, reason = problems[0]
        return [f"{source}: none of its first {len(problems)} rows is a pair; line {line}: {reason}"]
    more = [f"... and {bad - len(problems)} more bad rows"] if bad > len(problems) else []
    return [f"{source}:{line}: {reason}" for line, reason in problems] + more


@dataclass
class _Validator:
    """Makes pairs of rows; knows the layouts and the names that it has seen."""

    columns: Mapping[str, str]
    threshold: float | None
    strict: bool
    layouts: dict[tuple[str, ...], Layout] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _seen: set[Pair] = field(default_factory=set)

    def pairs(self, cells: Mapping[str, Any] | str) -> list[Pair]:
        """Return the pairs of a row.

        Raises:
            DataError: It has none that can be used: everything that is wrong with it.
        """
        if isinstance(cells, str):
            raise DataError(cells)
        names = tuple(cells)
        layout = self.layouts.get(names) or self.layouts.setdefault(names, self._layout(names))
        reasons: list[str] = []
        about: dict[str, Any] = {
            name: self._name(column, cells[column], reasons) for name, column in layout.optional.items()
        }
        found = [self._pair(given, layout, about, reasons) for given in layout.given(cells)]
        if reasons:
            raise DataError("; ".join(dict.fromkeys(reasons)))
        if layout.is_triplets:  # each negative of a text repeats its positive
            found = [pair for pair in dict.fromkeys(found) if pair not in self._seen]
            self._seen.update(found)
        return found

    def _layout(self, names: tuple[str, ...]) -> Layout:
        layout = find_layout(names, self.columns, strict=self.strict)
        if layout.is_triplets and self.threshold is not None:
            raise DataError("positive and negative texts have no grades, but the case states a threshold")
        return layout

    def _pair(self, given: Given, layout: Layout, about: Mapping[str, Any], reasons: list[str]) -> Pair:
        first, second, value, column = given
        reasons += _text_problems(layout.fields["text_1"], first)
        reasons += _text_problems(column, second)
        if self.threshold is None:
            label = _label(value)
            if label is None:
                reasons.append(f"{layout.fields['label']} is {_shown(value)}, expected 0 or 1 ({_GRADED})")
            return Pair(first, second, label or 0, **about)
        grade = _grade(value)
        if grade is None:
            reasons.append(f"{layout.fields['label']} is {_shown(value)}, expected a number: a threshold is stated")
            return Pair(first, second, 0, **about)
        return Pair(first, second, int(grade >= self.threshold), grade=grade, **about)

    def _name(self, column: str, value: Any, reasons: list[str]) -> str:
        """Return a category or the like, empty where there is none; equal ones are one object."""
        if value is None or value == "":
            return ""
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            reasons.append(f"{column} is {kind(value)}, expected a text")
            return ""
        known = self._names.get(value)
        if known is None:
            reasons += _text_problems(column, value)
            if len(self._names) < _MOST_NAMES:  # a column of names without end, such as the ids, is not worth it
                self._names[value] = value
        return known or value


_MOST_NAMES = 10_000
_GRADED = "for graded scores state [data] threshold"


def _text_problems(column: str, value: Any) -> list[str]:
    if type(value) is str and value.isascii() and not value.isspace() and value:
        return _NOTHING
    if not isinstance(value, str):
        return [f"{column} is {kind(value)}, expected a text"]
    if not value.strip():
        return [f"{column} is empty"]
    if any("\ud800" <= character <= "\udfff" for character in value):
        return [f"{column} holds half a surrogate pair, which is no character"]
    return _NOTHING


_NOTHING: list[str] = []


def _label(value: Any) -> int | None:
    try:
        return _LABELS.get(value.strip().lower() if isinstance(value, str) else value)
    except TypeError:  # a list
        return None


def _grade(value: Any) -> float | None:
    try:
        grade = float(value)
    except (TypeError, ValueError):
        return None
    return grade if math.isfinite(grade) else None


def _shown(value: Any) -> str:
    shown = json.dumps(value, default=str, ensure_ascii=False)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
