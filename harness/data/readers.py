"""Readers: a file, a directory or a hub dataset -> rows with their line. To add a format: a function and a row here."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import IO, Any, AnyStr, BinaryIO, NamedTuple, cast

from harness.data.judged import JudgedSet
from harness.data.kinds import HEAD, kind_of
from harness.errors import DataError, require

_BOM = b"\xef\xbb\xbf"


class Row(NamedTuple):
    """A row as it was read: its line from 1 (of a table its number), and its cells by column, or why it has none."""

    line: int
    cells: Mapping[str, Any] | str


@dataclass(frozen=True)
class HubDataset:
    """A dataset on the hub, at a commit: its id, its split and, where it has several, its subset."""

    dataset: str
    revision: str
    split: str
    subset: str | None = None

    def __str__(self) -> str:
        """Return the name in messages."""
        return "/".join(filter(None, (self.dataset, self.subset, self.split)))


class Reader(NamedTuple):
    """A row of the `READERS` table: what such a file is, how it begins, and its rows."""

    title: str
    rows: Callable[[Path], Iterator[Row]]
    kind: str = ""


PairSource = Path | HubDataset | JudgedSet
"""Source of pairs."""


def rows_of(source: PairSource) -> Iterator[Row]:
    """Yield the rows of a source.

    Raises:
        DataError: It is missing or of another kind than its name says, or the library that reads it is not installed.
    """
    if isinstance(source, HubDataset):
        yield from _hub_rows(source)
        return
    if isinstance(source, JudgedSet):
        yield from starmap(Row, source.rows())
        return
    if "\0" in str(source):
        raise DataError(f"{str(source)!r}: no file can have such a name")
    try:
        reader = _reader(source)
        if source.is_file():
            _check_kind(source, reader)
        elif source.exists() and not source.is_dir():
            raise DataError(f"{source}: cannot be read: no regular file")
        yield from reader.rows(source)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{source}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{source}: not UTF-8 (byte 0x{error.object[error.start]:02x}); save it as UTF-8") from None


def _reader(path: Path) -> Reader:
    if path.is_dir():
        return _DIRECTORY
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    packed = suffixes.pop() if suffixes and suffixes[-1] in _PACKED else ""
    suffix = suffixes[-1] if suffixes else ""
    reader = READERS.get(suffix)
    if reader is None or (packed and reader.kind):
        known = ", ".join(READERS)
        raise DataError(
            f"{path}: no format with this name; expected {known}, the texts among them also with "
            f"{', '.join(_PACKED)} behind, or a directory that `datasets` saved"
        )
    return reader


def _check_kind(path: Path, reader: Reader) -> None:
    """Raise if a file is of another kind than its name says."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    packing = _PACKED.get(path.suffix.lower())
    if packing:
        _require_kind(path, head, packing.kind, f"{reader.title} {packing.kind}")
        with packing.open(path) as unpacked:
            head = unpacked.read(HEAD)
    _require_kind(path, head, reader.kind, reader.title)


def _require_kind(path: Path, head: bytes, expected: str, words: str) -> None:
    found = kind_of(head)
    if found != expected:
        raise DataError(f"{path}: this is {found or ('text' if head else 'empty')}; expected {words}")


def _opened(path: Path) -> BinaryIO:
    """Open a text file, unpacked."""
    packed = _PACKED.get(path.suffix.lower())
    return cast("BinaryIO", packed.open(path)) if packed else path.open("rb")


def _lines(path: Path, file: IO[AnyStr]) -> Iterator[AnyStr]:
    """Yield the lines of a file, of which one that never ends would fill the memory, from whatever it was unpacked."""
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise DataError(f"{path}: a line of more than {_LONGEST_LINE:,} characters; expected a pair a line")
        yield line


def _json_rows(path: Path) -> Iterator[Row]:
    with _opened(path) as file:
        for number, line in enumerate(_lines(path, file), start=1):
            content = line.removeprefix(_BOM)  # also between files that were put together
            if not content.strip():
                continue
            try:
                row = _DECODER.decode(content.decode("utf-8"))
            except UnicodeDecodeError as error:
                at = f"byte {error.start + 1} of the line: 0x{content[error.start]:02x}"
                yield Row(number, f"not UTF-8 ({at})")
            except (ValueError, RecursionError) as error:
                yield Row(number, f"not JSON ({error}); expected one object a line")
            else:
                yield Row(number, row if isinstance(row, dict) else f"got {kind(row)}, expected an object")


def _object(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; JSON itself would take the last of two values for a key."""
    row = dict(items)
    if len(row) < len(items):
        twice = next(key for key, count in Counter(key for key, _ in items).items() if count > 1)
        raise ValueError(f"the key {twice!r} stands in it twice")
    return row


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _csv_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of comma-separated values; where the header has no comma, what spreadsheets write instead."""
    with _opened(path) as file:
        header = file.readline(_LONGEST_LINE)
    separator = max(b",;\t", key=lambda byte: (header.count(byte), byte == ord(",")))
    yield from _separated_rows(path, chr(separator))


def _tsv_rows(path: Path) -> Iterator[Row]:
    yield from _separated_rows(path, "\t")


def _separated_rows(path: Path, separator: str) -> Iterator[Row]:
    with _opened(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(_lines(path, text), delimiter=separator, strict=True)
        try:
            header = next(rows, [])
            twice = [name for name, count in Counter(header).items() if count > 1 and name]
            if twice:
                raise DataError(f"{path}: the column {twice[0]!r} stands in its header twice")
            end = rows.line_num
            for cells in rows:
                line, end = end + 1, rows.line_num
                if not any(cells):
                    continue
                if len(cells) != len(header):
                    yield Row(line, f"{len(cells)} cells, but the header has {len(header)}")
                else:
                    yield Row(line, dict(zip(header, cells, strict=True)))
        except csv.Error as error:
            hint = "a text with a quotation mark stands in quotation marks, and has each of its own twice"
            raise DataError(f"{path}:{rows.line_num}: {error}; {hint}") from None


def _parquet_rows(path: Path) -> Iterator[Row]:
    require("parquet", "pyarrow")
    from pyarrow import parquet

    yield from _batch_rows(path, lambda: parquet.ParquetFile(path).iter_batches(_BATCH))


def _arrow_rows(path: Path) -> Iterator[Row]:
    yield from _batch_rows(path, lambda: _arrow_batches([path]))


def _directory_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a directory that `Dataset.save_to_disk` wrote."""
    if (path / "dataset_dict.json").is_file():
        splits = sorted(inner.parent.name for inner in path.glob("*/state.json"))
        raise DataError(f"{path}: several splits; name one: {', '.join(str(path / split) for split in splits)}")
    try:
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        files = [file["filename"] for file in state["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{path}: a directory, but none that `Dataset.save_to_disk` wrote: no state.json") from None
    yield from _batch_rows(path, lambda: _arrow_batches([path / file for file in files]))


def _arrow_batches(paths: list[Path]) -> Iterator[Any]:
    """Yield the record batches of Arrow files, in the streaming format of `datasets` or in the file format."""
    require("parquet", "pyarrow")
    from pyarrow import ipc, memory_map

    for path in paths:
        with memory_map(str(path)) as mapped:
            if mapped.read(HEAD).startswith(b"ARROW1"):
                opened = ipc.open_file(mapped)
                yield from map(opened.get_batch, range(opened.num_record_batches))
            else:
                mapped.seek(0)
                yield from ipc.open_stream(mapped)


def _batch_rows(source: Path | HubDataset, batches: Callable[[], Iterator[Any]]) -> Iterator[Row]:
    number = 0
    try:
        for batch in batches():
            for start in range(0, batch.num_rows, _BATCH):
                for cells in batch.slice(start, _BATCH).to_pylist():
                    number += 1
                    yield Row(number, cells)
    except (ValueError, NotImplementedError) as error:  # Arrow's own are subclasses
        raise DataError(f"{source}: cannot be read: {' '.join(str(error).split())}") from None


def _hub_rows(source: HubDataset) -> Iterator[Row]:
    require("train", "datasets")
    import datasets

    try:
        loaded = datasets.load_dataset(source.dataset, source.subset, split=source.split, revision=source.revision)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{source} at {source.revision[:12]}: cannot be loaded: {reason}; without a network, save it once with "
            "`Dataset.save_to_disk` and name that directory"
        ) from None
    yield from _batch_rows(source, lambda: loaded.with_format("arrow").iter(_BATCH))


def kind(value: Any) -> str:
    """Return the type of a JSON value in words."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number" if isinstance(value, int | float) else f"a {type(value).__name__}")


_LONGEST_LINE = 16 * 1024 * 1024

_BATCH = 4096
"""Rows of a table in memory at once."""

_JSON = Reader("JSON Lines", _json_rows)

READERS: dict[str, Reader] = {
    ".jsonl": _JSON,
    ".ndjson": _JSON,
    ".json": _JSON,
    ".csv": Reader("comma-separated values", _csv_rows),
    ".tsv": Reader("tab-separated values", _tsv_rows),
    ".parquet": Reader("Parquet", _parquet_rows, "Parquet"),
    ".arrow": Reader("Arrow", _arrow_rows, "Arrow"),
}
"""Suffix -> reader."""

_DIRECTORY = Reader("a directory that `datasets` saved", _directory_rows)


class _Packing(NamedTuple):
    """How a compressed file is opened, and its kind."""

    open: Callable[[Path], Any]
    kind: str


_PACKED = {
    ".gz": _Packing(gzip.open, "compressed by gzip"),
    ".bz2": _Packing(bz2.open, "compressed by bzip2"),
    ".xz": _Packing(lzma.open, "compressed by xz"),
}
"""Suffix behind that of a text format -> how it is opened."""
