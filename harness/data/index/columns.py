"""Columns of an Arrow table as vectors and texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.index.types import Columns
from harness.errors import DataError
from harness.text import listed, some

_TEXT = "text"
"""Name of the column of texts, where there are several that could be it."""


def choose_columns(schema: Any, given: Columns, where: Path) -> tuple[str, str | None]:
    """Return the names of the columns of vectors and of texts; None where a table holds no texts.

    Raises:
        DataError: No column of that name, or none or several that could hold the vectors, or the texts.
    """
    from pyarrow import types

    kinds = {field.name: field.type for field in schema}
    lists = [name for name, kind in kinds.items() if _holds_numbers(kind)]
    texts = [name for name, kind in kinds.items() if types.is_string(kind) or types.is_large_string(kind)]
    vector = _choose(given.vector, lists, "vectors (lists of numbers)", "--vector-column", where)
    if given.text is None and not texts:
        return vector, None
    if given.text is None and _TEXT in texts:
        return vector, _TEXT
    return vector, _choose(given.text, texts, "texts", "--text-column", where)


def to_vectors(column: Any, where: Path) -> NDArray[np.generic]:
    """Return a column of lists as a matrix; a DataError where one is null or of another length than the others."""
    lengths = np.array(column.combine_chunks().value_lengths().to_pylist(), dtype=object)
    if None in lengths:
        raise DataError(f"{where}: a vector is null, the first of those read in place {list(lengths).index(None) + 1}")
    if len(widths := sorted(set(lengths.tolist()))) > 1:
        raise DataError(f"{where}: vectors of several widths ({some(list(map(str, widths)))}); expected one width")
    numbers = column.combine_chunks().flatten()
    if numbers.null_count:
        raise DataError(f"{where}: a vector holds null in place of a number")
    return np.asarray(numbers.to_numpy(zero_copy_only=False)).reshape(len(lengths), -1)


def to_texts(column: Any, where: Path) -> list[str]:
    """Return a column of texts; a DataError where one is null."""
    if column.null_count:
        raise DataError(f"{where}: a text is null; expected the text that its vector was made from")
    return list(column.to_pylist())


def _holds_numbers(kind: Any) -> bool:
    from pyarrow import types

    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(is_list and (types.is_floating(kind.value_type) or types.is_integer(kind.value_type)))


def _choose(given: str | None, able: list[str], words: str, option: str, where: Path) -> str:
    if given in able:
        return str(given)
    if given is None and len(able) == 1:
        return able[0]
    found = listed(able) if able else "none"
    came = f"{option} {given}: no column of {words} of this name" if given else f"expected one column of {words}"
    hint = f"; name it with {option}" if able and not given else ""
    raise DataError(f"{where}: {came}; found {found}{hint}")
