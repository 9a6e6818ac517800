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

_KINDS = (
    *("IndexFlat", "IndexIVFFlat", "IndexHNSWFlat"),
    *("IndexScalarQuantizer", "IndexIVFScalarQuantizer", "IndexHNSWSQ"),
    *("IndexBinaryFlat", "IndexBinaryIVF", "IndexBinaryHNSW"),
)
"""Classes that keep each value of a vector, if rounded. A product quantizer keeps too little to tell models apart."""


@dataclass(frozen=True)
class FaissIndex:
    """A FAISS index; its rows are in the order in which they were added.

    Attributes:
        owner: What the index lies in: it goes when that goes.
    """

    path: Path
    index: Any
    owner: Any

    def __len__(self) -> int:
        """Return the number of vectors."""
        return int(self.index.ntotal)

    def sample(self, rows: Rows) -> NDArray[np.generic]:
        """Reconstruct some vectors: float32, or bytes of eight bits each."""
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
    if not any(type(index).__name__.startswith(kind) for kind in _KINDS):
        raise DataError(
            f"{path}: an {type(index).__name__} keeps too little of a vector to tell models apart; expected one of "
            f"{', '.join(_KINDS)}"
        )
    if hasattr(index, "make_direct_map"):
        index.make_direct_map()
    return OpenedIndex(FaissIndex(path, index, owner))
