"""Vectors and texts of a LanceDB table: only the sampled rows are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.index.columns import text_column, to_texts, to_vectors, vector_column
from harness.data.index.types import Columns, OpenedIndex, Rows
from harness.errors import DataError, require

_OFFSET = "_rowoffset"
"""Column that LanceDB adds where it is asked for: the place of a row. Rows come in no promised order."""


@dataclass(frozen=True)
class LanceIndex:
    """A table with a column of lists of numbers and, mostly, one of texts."""

    path: Path
    table: Any
    columns: Columns

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.table.count_rows())

    def sample(self, rows: Rows) -> NDArray[np.generic]:
        """Read some rows."""
        name = vector_column(self.table.schema, self.columns, self.path)
        return to_vectors(self._column(name, rows), self.path)

    def texts(self, rows: Rows) -> list[str]:
        """Read the texts of some rows."""
        name = text_column(self.table.schema, self.columns, self.path)
        return to_texts(self._column(name, rows), self.path)

    def _column(self, name: str, rows: Rows) -> Any:
        try:
            found = self.table.take_offsets(rows.tolist()).select([name, _OFFSET]).to_arrow()
        except (ValueError, RuntimeError, OSError) as error:
            raise DataError(f"{self.path}: cannot be read: {' '.join(str(error).split())}") from None
        return found.sort_by(_OFFSET).column(name)


def open_lance(path: Path, columns: Columns) -> OpenedIndex:
    """Open a table by its directory `DATABASE/NAME.lance`; a DataError where it is none, or has no such columns."""
    require("lancedb", "lancedb")
    import lancedb

    try:
        table = lancedb.connect(str(path.parent)).open_table(path.stem)
    except (ValueError, RuntimeError, OSError) as error:
        raise DataError(f"{path}: cannot be read as a LanceDB table: {' '.join(str(error).split())}") from None
    index = LanceIndex(path, table, columns)
    return OpenedIndex(index, index.texts)
