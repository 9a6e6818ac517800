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


def vector_column(schema: Any, given: Columns, where: Path) -> str:
    """Return the name of the column of vectors; a DataError where there is none of that name, or several."""
    able = [field.name for field in schema if _holds_numbers(field.type)]
    return _choose(given.vector, able, "vectors (lists of numbers)", "--vector-column", where)


def text_column(schema: Any, given: Columns, where: Path) -> str:
    """Return the name of the column of texts, of several the one that is called so; a DataError likewise."""
    from pyarrow import types

    able = [field.name for field in schema if types.is_string(field.type) or types.is_large_string(field.type)]
    wanted = _TEXT if given.text is None and _TEXT in able else given.text
    return _choose(wanted, able, "texts", "--text-column", where)


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
