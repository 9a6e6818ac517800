"""The interface of every index, whatever it is: rows in, their vectors out."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
"""Numbers of rows from 0, ascending, each once."""


class Index(Protocol):
    """Vectors in the order of their texts. Whoever has a store of another kind brings an object like this."""

    def __len__(self) -> int:
        """Return the number of vectors."""

    def sample(self, rows: Rows) -> NDArray[np.generic]:
        """Return the vectors of some rows, in their order and as they are stored, shape `(len(rows), width)`."""


class Columns(NamedTuple):
    """The columns of a table, as someone names them; None for the only one that can be it."""

    vector: str | None = None
    text: str | None = None


class OpenedIndex(NamedTuple):
    """An index, and what returns the texts of some rows, where its format has a place for them."""

    vectors: Index
    texts: Callable[[Rows], list[str]] | None = None
