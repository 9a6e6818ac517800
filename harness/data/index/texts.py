"""Texts of an index, from a file of their own: the text in row i is that of vector i."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.data.index.types import Rows
from harness.data.readers import rows_of
from harness.errors import DataError
from harness.text import count, listed

_LINES = ".txt"
_TEXT = "text"


def read_texts(path: Path, expected: int, rows: Rows, column: str | None = None) -> list[str]:
    """Return the texts of some rows.

    Args:
        path: A text a line (`.txt`), or a table as pairs are read from: JSON Lines, CSV, Parquet, ...
        expected: Number of vectors; the file must have as many texts.
        rows: The rows to return.
        column: Of a table: the column of the texts, by default `text`.

    Raises:
        DataError: The file cannot be read, has another number of texts, or lacks one.
    """
    wanted, found, total = set(rows.tolist()), [], 0
    for text in texts_in(path, column):
        if total in wanted:
            found.append(text)
        total += 1
    if total != expected:
        hint = ". A text with a line break needs a table, such as JSON Lines" if path.suffix.lower() == _LINES else ""
        raise DataError(
            f"{path}: {count(total, 'text')}, but the index has {count(expected, 'vector')}; expected a text for "
            f"each vector, in the same order{hint}"
        )
    return found


def texts_in(path: Path, column: str | None = None) -> Iterator[str]:
    """Yield the texts of a file; arguments and errors as `read_texts`."""
    if path.exists() and not path.is_file() and not path.is_dir():  # a pipe or a device never ends
        raise DataError(f"{path}: no regular file; expected texts")
    if path.suffix.lower() == _LINES:
        yield from _lines(path)
        return
    column = column or _TEXT
    for row in rows_of(path):
        if isinstance(row.cells, str):
            raise DataError(f"{path}:{row.line}: {row.cells}")
        text = row.cells.get(column)
        if not isinstance(text, str):
            came = f"no column {column!r}" if column not in row.cells else f"no text in the column {column!r}"
            raise DataError(f"{path}:{row.line}: {came}; found {listed(list(row.cells))} (--text-column NAME)")
        yield text


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            yield from (line.removesuffix("\n").removesuffix("\r") for line in file)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 (byte 0x{error.object[error.start]:02x}); save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
