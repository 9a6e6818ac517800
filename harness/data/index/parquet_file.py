"""Vectors and texts of a Parquet file: only the row groups with sampled rows are read, one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.index.columns import text_column, to_texts, to_vectors, vector_column
from harness.data.index.types import Columns, OpenedIndex, Rows
from harness.errors import DataError, require


@dataclass(frozen=True)
class ParquetIndex:
    """A Parquet file with a column of lists of numbers and, mostly, one of texts."""

    path: Path
    file: Any
    columns: Columns

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.file.metadata.num_rows)

    def sample(self, rows: Rows) -> NDArray[np.generic]:
        """Read some rows."""
        name = vector_column(self.file.schema_arrow, self.columns, self.path)
        return to_vectors(self._column(name, rows), self.path)

    def texts(self, rows: Rows) -> list[str]:
        """Read the texts of some rows."""
        name = text_column(self.file.schema_arrow, self.columns, self.path)
        return to_texts(self._column(name, rows), self.path)

    def _column(self, name: str, rows: Rows) -> Any:
        from pyarrow import ArrowException, concat_tables

        groups = self.file.metadata.num_row_groups
        ends = np.cumsum([self.file.metadata.row_group(group).num_rows for group in range(groups)])
        parts = []
        try:
            for group, end in enumerate(ends):
                start = end - self.file.metadata.row_group(group).num_rows
                inside = rows[(rows >= start) & (rows < end)] - start
                if len(inside):
                    parts.append(self.file.read_row_group(group, columns=[name]).take(inside))
        except (ArrowException, OSError) as error:
            raise DataError(f"{self.path}: cannot be read: {' '.join(str(error).split())}") from None
        return concat_tables(parts).column(0)


def open_parquet(path: Path, columns: Columns) -> OpenedIndex:
    """Open a Parquet file; a DataError where it is none, or has no such columns."""
    require("parquet", "pyarrow")
    from pyarrow import ArrowException, parquet

    try:
        file = parquet.ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    index = ParquetIndex(path, file, columns)
    return OpenedIndex(index, index.texts)
