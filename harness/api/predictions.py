"""Files of scores, a score a pair: read from what people and mteb write, and compared without any model."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.api.comparison import ScoreComparison, compare_scores
from harness.data import read_pairs
from harness.data.readers import rows_of
from harness.errors import DataError
from harness.execution.reading import read_text
from harness.text import count, quoted, some

_SCORES = ("cosine_scores", "cosine_score", "cosine", "similarity_scores", "similarity", "scores", "score")
_LABELS = ("labels", "label", "gold", "target")
_ABOUT = {
    "text_1": ("text_1", "sentence1", "sentence_1"),
    "text_2": ("text_2", "sentence2", "sentence_2"),
    "category": ("category",),
    "pair_type": ("pair_type",),
}
_AGGREGATES = {"epoch", "steps"}
"""The first columns of what an evaluator of sentence-transformers writes: a value an evaluation, and none a pair."""


@dataclass(frozen=True)
class Predictions:
    """The columns of a file, each a value a pair; `labels` and those of `about` only where the file has them."""

    path: Path
    scores: tuple[float, ...]
    labels: tuple[int, ...] | None
    about: Mapping[str, tuple[str, ...]]


def compare_predictions(
    before: str | Path,
    after: str | Path,
    *,
    pairs: str | Path | None = None,
    score: str | None = None,
    label: str | None = None,
    tolerance: Mapping[str, float] | None = None,
) -> ScoreComparison:
    """Compare two files of scores of the same pairs in the same order, without any model (see `compare_scores`).

    A file is one that pairs can be in (`READERS`), or JSON: a list of objects, or a list a column. The last may be
    nested, as in the predictions that mteb writes; a column then has a dotted name, as `default.test.cosine_scores`.

    Args:
        before: Scores of the model that is the reference.
        after: Scores of the model that is judged.
        pairs: The evaluation pairs, for files that hold scores alone; else labels, texts, `category` and `pair_type`
            come from the columns of the files.
        score: Name of the column of scores; by default one of the usual names.
        label: Name of the column of labels, likewise.
        tolerance: As in `compare_scores`.

    Raises:
        DataError: A file cannot be read, has no such column, or holds other pairs than the other one.
    """
    files = [_read(Path(path), score, label) for path in (before, after)]
    labels, about = _from_pairs(Path(pairs), files) if pairs is not None else _from_files(files)
    texts = tuple(zip(about["text_1"], about["text_2"], strict=True)) if {"text_1", "text_2"} <= about.keys() else None
    return compare_scores(
        files[0].scores,
        files[1].scores,
        labels,
        texts=texts,
        categories=about.get("category"),
        pair_types=about.get("pair_type"),
        tolerance=tolerance,
    )


def _from_pairs(path: Path, files: Iterable[Predictions]) -> tuple[Sequence[int], Mapping[str, Sequence[str]]]:
    found = read_pairs(path)
    for file in files:
        if len(file.scores) != len(found):
            raise DataError(f"{file.path}: {count(len(file.scores), 'score')} for the {len(found):,} pairs of {path}")
    both = ([getattr(pair, name) for pair in found] for name in ("text_1", "text_2"))
    about = dict(zip(("text_1", "text_2"), both, strict=True))
    return found.labels.tolist(), about | {"category": found.categories, "pair_type": found.pair_types}


def _from_files(files: Sequence[Predictions]) -> tuple[Sequence[int], Mapping[str, Sequence[str]]]:
    """Return labels and what else is known; both files must say the same wherever both say something."""
    first, second = files
    if len(first.scores) != len(second.scores):
        sizes = f"{len(first.scores):,} and {len(second.scores):,} scores"
        raise DataError(f"{first.path} and {second.path}: {sizes}; expected the same pairs in the same order")
    known = [{**file.about, **({} if file.labels is None else {"label": file.labels})} for file in files]
    for name in known[0].keys() & known[1].keys():
        rows = zip(known[0][name], known[1][name], strict=True)
        row = next((row for row, (one, other) in enumerate(rows, start=1) if one != other), 0)
        if row:
            raise DataError(f"{first.path} and {second.path}: another {name} in row {row}: not the same pairs in order")
    labels = first.labels if first.labels is not None else second.labels
    if labels is None:
        raise DataError(
            f"{first.path}: no column of labels; expected {' or '.join(_LABELS)}, its name (--label), or beside the "
            "file the evaluation pairs that the scores are of (--pairs)"
        )
    return labels, {**second.about, **first.about}


def _read(path: Path, score: str | None, label: str | None) -> Predictions:
    columns = _columns(path)
    name = _named(path, columns, score, _SCORES)
    if not name:
        evaluations = columns.keys() >= _AGGREGATES
        hint = "; this is what an evaluator writes: a value an evaluation, but none a pair" if evaluations else ""
        raise DataError(
            f"{path}: no column of scores; expected {' or '.join(_SCORES)}, or its name (--score); the columns are "
            f"{some([*columns], 12)}{hint}"
        )
    labels = _named(path, columns, label, _LABELS)
    about = {field: _named(path, columns, None, names) for field, names in _ABOUT.items()}
    return Predictions(
        path,
        tuple(_number(path, name, row, value) for row, value in enumerate(columns[name], start=1)),
        tuple(_label(path, row, value) for row, value in enumerate(columns[labels], start=1)) if labels else None,
        {field: tuple(map(str, columns[column])) for field, column in about.items() if column},
    )


def _named(path: Path, columns: Mapping[str, Any], given: str | None, usual: Sequence[str]) -> str:
    """Return the column that someone named, or the first with a usual name; empty where there is none."""
    if given is not None:
        if given not in columns:
            raise DataError(f"{path}: no column {quoted(given)}; the columns are {some([*columns], 12)}")
        return given
    for name in usual:
        found = [column for column in columns if column.rpartition(".")[2] == name]
        if len(found) > 1:
            raise DataError(f"{path}: {len(found)} columns of {name}; name one (--score): {some(found, 12)}")
        if found:
            return found[0]
    return ""


def _columns(path: Path) -> dict[str, Sequence[Any]]:
    """Return the columns of a file, all of one length."""
    content = _json(path) if path.suffix.lower() == ".json" else None
    if content is None:
        return _of_rows(path, [row.cells for row in rows_of(path)])
    if isinstance(content, list):
        return _of_rows(path, content)
    found: dict[str, Sequence[Any]] = dict(_nested(content))
    if len({len(column) for column in found.values()}) > 1 and not any("." in name for name in found):
        raise DataError(f"{path}: the columns have different lengths; expected a value a pair in each")
    return found


def _json(path: Path) -> list[Any] | dict[str, Any] | None:
    """Return the one list or object of a file; None of one that is JSON Lines, or no JSON at all."""
    text = read_text(path, DataError)
    try:
        content = json.loads(text)
    except RecursionError:
        raise DataError(f"{path}: not JSON: nested too deeply") from None
    except ValueError:
        return None
    return content if isinstance(content, list | dict) else None


def _of_rows(path: Path, rows: list[Any]) -> dict[str, Sequence[Any]]:
    names = list(rows[0]) if rows and isinstance(rows[0], dict) else []
    for number, row in enumerate(rows, start=1):
        if isinstance(row, str):  # the reader says why
            raise DataError(f"{path}: row {number}: {row}")
        if not isinstance(row, dict) or list(row) != names or None in row.values():
            raise DataError(f"{path}: row {number} has not the columns of the first: {some(names, 12)}")
    return {name: [row[name] for row in rows] for name in names}


def _nested(content: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, list[Any]]]:
    """Yield each list in nested objects under its dotted name."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _nested(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            yield f"{prefix}{key}", value


def _number(path: Path, column: str, row: int, value: Any) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise DataError(f"{path}: row {row}: {column} is {quoted(str(value))}, expected a number")
    return found


def _label(path: Path, row: int, value: Any) -> int:
    labels = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}
    found = labels.get(str(value).strip().lower())
    if found is None:
        raise DataError(
            f"{path}: row {row}: the label is {quoted(str(value))}, expected 0 or 1: graded labels need a cut"
        )
    return found
