"""Vectors of a FAISS index: those that it holds one by one. FAISS reads the whole file into memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.index.types import Columns, OpenedIndex, Rows
from harness.errors import DataError, require

_BINARY = b"IB"
"""Begins the file of an index of bits."""

_KINDS = ("IndexFlat", "IndexIVFFlat", "IndexHNSWFlat", "IndexBinaryFlat", "IndexBinaryIVF", "IndexBinaryHNSW")
"""Beginnings of the classes that keep every value of a vector, as a float or as its sign."""

_SCALAR = "IndexScalarQuantizer"
"""Class that keeps a rounded value, by itself or within `IndexHNSWSQ`; with 8 or 16 bits it is enough."""


@dataclass(frozen=True)
class FaissIndex:
    """A FAISS index; its rows are in the order in which they were added.

    Attributes:
        owner: What the index lies in: it goes when that goes.
        codes: Integers of 8 bits for the values of all vectors, where it keeps such.
    """

    path: Path
    index: Any
    owner: Any
    codes: NDArray[np.uint8] | None

    def __len__(self) -> int:
        """Return the number of vectors."""
        return int(self.index.ntotal)

    def sample(self, rows: Rows) -> NDArray[np.generic]:
        """Return some vectors: integers as they are kept, float32, or bytes of eight bits each."""
        if self.codes is not None:
            return self.codes[rows]
        try:
            return np.stack([self.index.reconstruct(int(row)) for row in rows])
        except RuntimeError as error:
            reason = str(error).splitlines()[-1]
            raise DataError(f"{self.path}: a vector cannot be read by its place: {reason}") from None


def open_faiss(path: Path, _: Columns) -> OpenedIndex:
    """Open a FAISS index; a DataError where it is none, or of a kind that keeps no single values."""
    require("faiss", "faiss")
    import faiss

    with path.open("rb") as file:
        is_binary = file.read(len(_BINARY)) == _BINARY
    try:
        owner: Any = (faiss.read_index_binary if is_binary else faiss.read_index)(str(path))
    except (RuntimeError, MemoryError) as error:
        raise DataError(f"{path}: cannot be read as a FAISS index: {str(error).splitlines()[-1]}") from None
    index = owner
    if hasattr(owner, "id_map"):  # ids of the user's own around an index, which has the rows in their order
        index = (faiss.downcast_IndexBinary if is_binary else faiss.downcast_index)(owner.index)
    if type(index).__name__ == "IndexHNSWSQ":
        index = faiss.downcast_index(index.storage)
    if hasattr(index, "make_direct_map"):
        index.make_direct_map()
    return OpenedIndex(FaissIndex(path, index, owner, _codes(index, path)))


def _codes(index: Any, path: Path) -> NDArray[np.uint8] | None:
    """Return the codes of 8 bits of an index; None where it keeps more. A DataError where it keeps less."""
    import faiss

    name = type(index).__name__
    size = index.code_size // index.d if name == _SCALAR else 0  # bytes for a value
    if size == 1 and index.code_size == index.d:
        codes: NDArray[np.uint8] = faiss.vector_to_array(index.codes).reshape(-1, index.d)
        return codes
    if not size and not name.startswith(_KINDS):
        raise DataError(
            f"{path}: an {name} keeps too little of a vector to tell models apart, or not by its place; expected one "
            f"of {', '.join(_KINDS)}, {_SCALAR} of 8 or 16 bits"
        )
    return None
