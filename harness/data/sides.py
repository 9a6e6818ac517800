"""Sides: the role of each text of a pair, by which a model puts a prompt in front of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.data.pairs import PairSet

QUERY, DOCUMENT = "query", "document"
"""The sides that sentence-transformers encodes with `encode_query` and `encode_document`."""


@dataclass(frozen=True)
class Side:
    """The role of a text.

    Attributes:
        name: `query`, `document`, or the name of another prompt; empty where a text has no side.
        prompt: Put in front of the text before it is encoded, such as "query: "; empty for none.
    """

    name: str = ""
    prompt: str = ""

    @property
    def task(self) -> str | None:
        """The task of sentence-transformers, as `encode_query` and `encode_document` set it."""
        return self.name if self.name in (QUERY, DOCUMENT) else None


@dataclass(frozen=True)
class Sides:
    """The sides of both texts of every pair."""

    text_1: Side = Side()
    text_2: Side = Side()

    @property
    def distinct(self) -> tuple[Side, ...]:
        """One side, or two where they differ."""
        return tuple(dict.fromkeys((self.text_1, self.text_2)))

    def texts(self, pairs: PairSet) -> tuple[tuple[str, ...], ...]:
        """Distinct texts of each of `distinct`, in the order of their first occurrence: what a model encodes."""
        if len(self.distinct) == 1:
            return (pairs.texts,)
        columns = ((pair.text_1 for pair in pairs), (pair.text_2 for pair in pairs))
        return tuple(tuple(dict.fromkeys(column)) for column in columns)

    def rows(self, pairs: PairSet) -> NDArray[np.int64]:
        """Rows of both texts of each pair in all of `texts`, one side below the other, shape `(n_pairs, 2)`."""
        if len(self.distinct) == 1:
            return pairs.text_rows
        first, second = self.texts(pairs)
        row_1, row_2 = {t: row for row, t in enumerate(first)}, {t: row for row, t in enumerate(second, len(first))}
        return np.array([(row_1[p.text_1], row_2[p.text_2]) for p in pairs], dtype=np.int64).reshape(-1, 2)


NO_SIDES = Sides()
"""Of pairs whose texts have no side."""
