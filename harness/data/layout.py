"""Layouts: which columns of a row hold a pair, by their usual names or as a case maps them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.errors import DataError

OPTIONAL = ("category", "subcategory", "pair_type", "id")
"""Fields of a pair that a row need not have."""

LAYOUTS: tuple[dict[str, str], ...] = (
    {"text_1": "text_1", "text_2": "text_2", "label": "label"},
    *(
        {"text_1": first, "text_2": second, "label": label}
        for first, second in (
            ("sentence1", "sentence2"),
            ("sentence_1", "sentence_2"),
            ("question1", "question2"),
            ("question", "answer"),
            ("query", "passage"),
        )
        for label in ("label", "score")
    ),
    {"text_1": "query", "text_2": "passages", "label": "labels"},
    *({"text_1": first, "positive": "positive", "negative": "negative"} for first in ("anchor", "query", "question")),
)
"""The usual layouts: field -> column. Beside "negative", columns named "negative_1" and so on count as well.

A row with `positive` and `negative` is a triplet: a pair with label 1, and one with label 0 for each negative. Where
`text_2` and `label` hold lists, a row has as many pairs.
"""


class Given(NamedTuple):
    """A pair as it stands in a row, not validated; `column` is that of its second text."""

    text_1: Any
    text_2: Any
    label: Any
    column: str


@dataclass(frozen=True)
class Layout:
    """The columns of a pair.

    Attributes:
        fields: Required field -> column, a row of `LAYOUTS`.
        negatives: Of triplets the columns of the negative texts.
        optional: Field of `OPTIONAL` -> column, those that there are.
    """

    fields: Mapping[str, str]
    negatives: tuple[str, ...]
    optional: Mapping[str, str]

    @property
    def is_own(self) -> bool:
        """True if every column has the name of its field."""
        return all(field == column for field, column in {**self.fields, **self.optional}.items())

    @property
    def is_triplets(self) -> bool:
        """True if a row has a positive and negative texts."""
        return "positive" in self.fields

    def given(self, row: Mapping[str, Any]) -> Iterator[Given]:
        """Yield the pairs of a row.

        Raises:
            DataError: Its lists do not fit each other.
        """
        first = row[self.fields["text_1"]]
        if self.is_triplets:
            column = self.fields["positive"]
            for text in _each(row[column]):
                yield Given(first, text, 1, column)
            for place, column in enumerate(self.negatives):
                # Of numbered columns a row may fill some only.
                for text in _each(row[column]) if place == 0 or row[column] else ():
                    yield Given(first, text, 0, column)
            return
        column = self.fields["text_2"]
        second, label = row[column], row[self.fields["label"]]
        if not isinstance(second, list):
            yield Given(first, second, label, column)
            return
        if not isinstance(label, list) or len(label) != len(second):
            raise DataError(f"{column} is a list of {len(second)}; expected as many in {self.fields['label']}")
        for text, one in zip(second, label, strict=True):
            yield Given(first, text, one, column)


def find_layout(columns: Collection[str], mapped: Mapping[str, str], *, strict: bool = False) -> Layout:
    """Return the layout of rows with some columns.

    Args:
        columns: The names of the columns.
        mapped: Field -> column, as the case maps them; all others have their usual names.
        strict: Whether a column that is no part of the layout is an error.

    Raises:
        DataError: No layout fits, more than one does, or one is mapped that is not there.
    """
    there = f"the columns are {', '.join(map(repr, columns))}"
    missing = [f"{column!r} ({field})" for field, column in mapped.items() if column not in columns]
    if missing:
        raise DataError(f"no column {', '.join(missing)}; {there}; correct [data.columns]")
    required = {field: column for field, column in mapped.items() if field not in OPTIONAL}
    fitting = _distinct(
        layout | required
        for layout in LAYOUTS
        if required.keys() <= layout.keys() and set((layout | required).values()) <= set(columns)
    )
    own = [layout for layout in fitting if set(layout.items()) <= set((LAYOUTS[0] | required).items())]
    found = own or fitting
    if len(found) != 1:
        raise DataError(f"{_problem(found)}; {there}; {_HINT}")
    [fields] = found
    negatives: tuple[str, ...] = ()
    if "negative" in fields:
        numbered = re.compile(re.escape(fields["negative"]) + r"_\d+")
        negatives = (fields["negative"], *(column for column in columns if numbered.fullmatch(column)))
    optional = {field: column for field in OPTIONAL if (column := mapped.get(field, field)) in columns}
    unknown = sorted(set(columns) - {*fields.values(), *negatives, *optional.values()})
    if strict and unknown:
        raise DataError(f"unknown columns {', '.join(map(repr, unknown))}; {there}; drop them, or `strict`")
    return Layout(fields, negatives, optional)


_HINT = 'map them, such as [data.columns] text_1 = "question", text_2 = "answer", label = "relevant"'


def _problem(found: list[dict[str, str]]) -> str:
    if not found:
        return "no columns of a pair and its label; expected text_1, text_2 and label, or another usual layout"
    return f"more than one way to read a pair: {' or '.join(' + '.join(layout.values()) for layout in found)}"


def _distinct(layouts: Iterator[dict[str, str]]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for layout in layouts:
        if layout not in found:
            found.append(layout)
    return found


def _each(value: Any) -> list[Any]:
    """Return the texts of a cell, which may hold one or a list of them."""
    return value if isinstance(value, list) else [value]
