"""Readers of indexes: a file or directory -> an index. To add a format: a function and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from harness.data.index.faiss_file import open_faiss
from harness.data.index.lance_table import open_lance
from harness.data.index.numpy_file import open_numpy
from harness.data.index.parquet_file import open_parquet
from harness.data.index.types import Columns, OpenedIndex
from harness.data.kinds import HEAD, kind_of
from harness.errors import DataError


class Reader(NamedTuple):
    """A row of the `READERS` table: what such an index is, how it is opened, and how its file begins."""

    title: str
    open: Callable[[Path, Columns], OpenedIndex]
    magic: bytes = b""
    is_directory: bool = False


_FAISS = Reader("a FAISS index", open_faiss, b"I")

READERS: Mapping[str, Reader] = {
    ".npy": Reader("a numpy array", open_numpy, b"\x93NUMPY"),
    ".parquet": Reader("a Parquet file", open_parquet, b"PAR1"),
    ".faiss": _FAISS,
    ".index": _FAISS,
    ".lance": Reader("a LanceDB table", open_lance, is_directory=True),
}
"""Suffix -> reader."""


def open_index(path: Path, columns: Columns) -> OpenedIndex:
    """Open an index; no vector is read yet.

    Raises:
        DataError: It is missing, of another kind than its name says, cannot be read, or has no vectors.
        MissingLibraryError: The library that reads it is not installed.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: no format with this name; expected {', '.join(READERS)}")
    if not (path.is_dir() if reader.is_directory else path.is_file()):
        came = "nothing there" if not path.exists() else "a directory" if path.is_dir() else "no regular file"
        came = "a file" if path.is_file() else came
        raise DataError(f"{path}: {came}; expected {reader.title}{', a directory' if reader.is_directory else ''}")
    try:
        if not reader.is_directory:
            _check_kind(path, reader)
        opened = reader.open(path, columns)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not len(opened.vectors):
        raise DataError(f"{path}: no vectors in it")
    return opened


def _check_kind(path: Path, reader: Reader) -> None:
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head.startswith(reader.magic):
        raise DataError(f"{path}: this is {kind_of(head) or ('text' if head else 'empty')}; expected {reader.title}")
