"""`embedding-harness audit-index INDEX`: did this model make these vectors?"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.command import DONE, REGRESSION, Command
from harness.errors import CaseError
from harness.text import aligned, count, percent

if TYPE_CHECKING:
    from harness.data.index import Rows
    from harness.execution import Context
    from harness.run import IndexAudit, IndexModel

_NONE = "none of these"
_SAMPLE = 500
_SHOWN = 10
_JSON = ".json"


def _run(given: argparse.Namespace) -> int:
    if given.write_fingerprint is None and given.index is None:
        raise CaseError("no index: expected INDEX, or --write-fingerprint FILE")
    model, *known = _models(given)
    with _context() as ctx:
        if given.write_fingerprint is not None:
            _write_fingerprint(given.write_fingerprint, model, ctx)
        return DONE if given.index is None else _audit(given, model, known, ctx)


def _audit(given: argparse.Namespace, model: IndexModel, known: list[IndexModel], ctx: Context) -> int:
    from harness.data.index import Columns, open_index  # not for --help
    from harness.execution import write_whole
    from harness.models import read_fingerprint
    from harness.run import audit_index

    expected = None if given.fingerprint is None else read_fingerprint(given.fingerprint)
    opened = open_index(given.index, Columns(given.vector_column, given.text_column))
    texts = _texts(given, opened.texts, len(opened.vectors))
    found = audit_index(ctx, opened.vectors, texts, model, known, size=given.sample, expected=expected)
    if given.rows is not None:
        write_whole(given.rows, _rows(found))
    sys.stdout.write(_as_text(given.index, found))
    return DONE if found.passed else REGRESSION


def _texts(
    given: argparse.Namespace, own: Callable[[Rows], list[str]] | None, total: int
) -> Callable[[Rows], list[str]]:
    from harness.data.index import read_texts

    if given.texts is not None:
        return partial(read_texts, given.texts, total, column=given.text_column)
    if own is None:
        raise CaseError(f"{given.index}: holds no texts; expected --texts FILE with the text of each vector")
    return own


def _models(given: argparse.Namespace) -> Iterator[IndexModel]:
    """Yield the model, and the known ones: each another one, with a name of its own."""
    from harness.config import NO_SIDE
    from harness.run import find_model

    named = [("--model", given.model.resolve().name, given.model, given.side)]
    named += [("--known", name, path, NO_SIDE) for name, path in given.known]
    seen: dict[str, str] = {}
    for option, name, path, side in named:
        found = find_model(
            name, path, option=option, side=side, base_model=given.base_model, truncate_dim=given.truncate_dim
        )
        for said, digest in seen.items():
            if name == said or found.checkpoint.digest == digest:
                what = "the name of another model" if name == said else f"the same model as {said}"
                raise CaseError(f"{option} {name}={path}: {what}; expected others, each with a name of its own")
        seen[name] = found.checkpoint.digest
        yield found


@contextmanager
def _context() -> Iterator[Context]:
    """Keep nothing: an audit belongs to no case, and may be run in any directory."""
    from harness.execution import Context, LocalExecutor, Store

    with tempfile.TemporaryDirectory(prefix="harness-index-") as directory:
        yield Context(Store(Path(directory)), LocalExecutor(Path(directory)))


def _write_fingerprint(path: Path, model: IndexModel, ctx: Context) -> None:
    from harness.models import PROBE_TEXTS, write_fingerprint

    if path.suffix != _JSON:
        raise CaseError(f"--write-fingerprint {path}: expected a name that ends in {_JSON}")
    _, fingerprint = model.encode(ctx, list(PROBE_TEXTS))
    written = write_fingerprint(path, fingerprint)
    sys.stdout.write("".join(f"{file}\n" for file in written))


def _as_text(path: Path, found: IndexAudit) -> str:
    sampled, made_by = len(found.rows), found.attribution.makers
    read = "all read" if sampled == found.total else f"{sampled:,} sampled"
    rows = [
        (
            share.maker or _NONE,
            f"{share.rows:,}",
            percent(share.share, 1),
            f"{percent(share.interval.low, 1)} to {percent(share.interval.high, 1)}",
        )
        for share in found.shares
    ]
    lines = aligned(("made by", "rows", "share", "95 % interval"), rows, right=(1, 2))
    others = [str(row) for row, maker in zip(found.rows, made_by, strict=True) if maker != found.model]
    verdict = f"every vector that was looked at was made by {found.model}"
    if others:
        shown = ", ".join(others[:_SHOWN]) + (", ..." if len(others) > _SHOWN else "")
        kind = "another model's" if found.model not in made_by else "mixed"
        verdict = f"{kind}: {count(len(others), 'vector')} not made by {found.model}, in rows {shown}"
    stored = f"{path}: {count(found.total, 'vector')} stored as {found.attribution.form}, {read}"
    return "\n".join([stored, "", *lines, "", verdict, ""])


def _rows(found: IndexAudit) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("row", "made_by", "agreement"))
    columns = (found.rows, found.attribution.makers, found.attribution.agreement)
    for row, maker, agreement in zip(*columns, strict=True):
        writer.writerow((int(row), maker or "", f"{agreement:.6f}"))
    return out.getvalue()


def _known(value: str) -> tuple[str, Path]:
    name, equals, path = value.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"got {value!r}, expected NAME=DIR")
    return name, Path(path)


def _positive(value: str) -> int:
    with suppress(ValueError):
        if (number := int(value)) >= 1:
            return number
    raise argparse.ArgumentTypeError(f"got {value!r}, expected a number, at least 1")


COMMAND = Command(
    help="say which model made the vectors of an index, and the share of each",
    description="Encodes the texts of a random sample of an index again, and says of each vector whether this model "
    "made it, or a known one, or none. Quantised vectors (fp16, int8, sign bits) count as the model's. "
    "Formats: .npy, .parquet, .lance, .faiss. Exit status: 0 all are the model's, 1 another model's or mixed, "
    "2 the index, its texts or a model is not what it should be.",
    arguments={
        "index": {"nargs": "?", "type": Path, "metavar": "INDEX", "help": "the vectors"},
        "--model": {"type": Path, "required": True, "metavar": "DIR", "help": "the model that should have made them"},
        "--texts": {"type": Path, "metavar": "FILE", "help": "the text of each vector: one a line, or a table"},
        "--known": {
            "action": "append",
            "default": [],
            "type": _known,
            "metavar": "NAME=DIR",
            "help": "another model that may have made some (repeatable)",
        },
        "--sample": {"type": _positive, "default": _SAMPLE, "metavar": "N", "help": "vectors to look at (default 500)"},
        "--side": {
            "default": "document",
            "metavar": "NAME",
            "help": "whose prompt the texts got: document (default), query, none, or another prompt of the model",
        },
        "--base-model": {"type": Path, "metavar": "DIR", "help": "of an adapter: its base"},
        "--truncate-dim": {"type": _positive, "metavar": "N", "help": "dimensions that are stored, if not all"},
        "--vector-column": {"metavar": "NAME", "help": "of a table: the vectors, where it has several such columns"},
        "--text-column": {"metavar": "NAME", "help": "of a table: the texts, where the column has another name"},
        "--rows": {"type": Path, "metavar": "FILE", "help": "CSV to write: each sampled row with its maker"},
        "--fingerprint": {"type": Path, "metavar": "FILE", "help": "refuse a model that has another fingerprint"},
        "--write-fingerprint": {
            "type": Path,
            "metavar": "FILE.json",
            "help": "write what recognises the model elsewhere, and FILE.safetensors beside it",
        },
    },
    run=_run,
)
