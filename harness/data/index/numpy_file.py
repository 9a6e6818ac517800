"""Vectors of a numpy file, mapped into memory: only the sampled rows are read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.index.types import Columns, OpenedIndex, Rows
from harness.errors import DataError

_NUMBERS = "fiub"


@dataclass(frozen=True)
class NumpyIndex:
    """A matrix with a row for each vector."""

    matrix: NDArray[np.generic]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.matrix)

    def sample(self, rows: Rows) -> NDArray[np.generic]:
        """Read some rows."""
        return np.asarray(self.matrix[rows])


def open_numpy(path: Path, _: Columns) -> OpenedIndex:
    """Open a `.npy` file; a DataError where it is none, or no matrix of numbers. Objects in it are never unpickled."""
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be read as a numpy array: {error}") from None
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.dtype.kind not in _NUMBERS:
        came = f"shape {matrix.shape} of {matrix.dtype}" if isinstance(matrix, np.ndarray) else "several arrays"
        raise DataError(f"{path}: got {came}; expected one array of numbers of shape (vectors, width)")
    return OpenedIndex(NumpyIndex(matrix))
