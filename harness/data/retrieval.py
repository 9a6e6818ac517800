"""A retrieval set: queries, documents, and how relevant which document is to which query."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.readers import rows_of
from harness.data.sides import Sides
from harness.errors import DataError
from harness.execution.digests import digest_of, file_digest

FILES = ("queries.jsonl", "documents.jsonl", "relevance.jsonl")
"""Files of the directory: `{"id", "text"}` a line, `{"id", "text"}`, and `{"query", "document", "grade"}`."""

HIGHEST_GRADE = 1000
"""trec_eval, behind the metrics, keeps a counter for each grade up to the highest: 200,000,000 takes 1.5 GB."""

_SHOWN = 20


@dataclass(frozen=True)
class RetrievalSet:
    """Queries and the documents that are searched.

    Attributes:
        path: The directory.
        digest: sha256 over its files.
        query_ids: The user's names of the queries.
        queries: Text of each query.
        document_ids: The user's names of the documents.
        documents: Text of each document.
        relevance: Query, document (their rows) and grade, from 1, of each relevant document: shape `(n, 3)`, sorted.
    """

    path: Path
    digest: str
    query_ids: tuple[str, ...]
    queries: tuple[str, ...]
    document_ids: tuple[str, ...]
    documents: tuple[str, ...]
    relevance: NDArray[np.int64]

    @cached_property
    def relevant(self) -> tuple[NDArray[np.int64], ...]:
        """Document and grade of what is relevant to each query, each of shape `(n, 2)`."""
        ends = np.searchsorted(self.relevance[:, 0], np.arange(1, len(self.queries)))
        return tuple(np.split(self.relevance[:, 1:], ends))

    def texts(self, sides: Sides) -> tuple[tuple[str, ...], ...]:
        """Return the texts of each distinct side, the queries before the documents: what a model encodes."""
        if len(sides.distinct) == 1:
            return ((*self.queries, *self.documents),)
        return self.queries, self.documents


def read_retrieval(directory: Path) -> RetrievalSet:
    """Read and validate a retrieval set.

    Raises:
        DataError: A file is missing or has bad rows (the first 20 are listed as `file:line: reason`), or a query has
            no relevant document.
    """
    queries, documents = (_texts(directory / name) for name in FILES[:2])
    path = directory / FILES[2]
    found: dict[tuple[int, int], int] = {}
    problems = list[tuple[int, str]]()
    for line, cells in rows_of(path):
        if isinstance(cells, str):
            problems.append((line, cells))
            continue
        query, document = queries.row(cells.get("query")), documents.row(cells.get("document"))
        grade = cells.get("grade")
        if query is None or document is None:
            wrong, other = ("query", FILES[0]) if query is None else ("document", FILES[1])
            problems.append((line, f"{wrong}: got {_shown(cells.get(wrong))}, expected an id of {other}"))
        elif not isinstance(grade, int) or isinstance(grade, bool) or not 0 <= grade <= HIGHEST_GRADE:
            expected = f"expected a whole number, 0 for what is not relevant, at most {HIGHEST_GRADE:,}"
            problems.append((line, f"grade: got {_shown(grade)}, {expected}"))
        elif found.setdefault((query, document), grade) != grade:
            problems.append(
                (line, f"another grade than before of {_shown(cells['query'])} and {_shown(cells['document'])}")
            )
    _refuse(path, problems)
    relevance = np.array(sorted((*key, grade) for key, grade in found.items() if grade), dtype=np.int64).reshape(-1, 3)
    if not len(relevance):
        raise DataError(f"{path}: no document is relevant to any query; expected grades from 1")
    without = set(range(len(queries.texts))) - set(relevance[:, 0].tolist())
    if without:
        place = f"{directory / FILES[0]}:{queries.lines[min(without)]}"
        name, number = _shown(queries.ids[min(without)]), f"{len(without):,} of {len(queries.texts):,} queries"
        raise DataError(
            f"{place}: {name} has no relevant document in {FILES[2]}, as {number}; expected a grade from 1 for each, "
            "or leave the query out"
        )
    digest = digest_of([file_digest(directory / name) for name in FILES])
    return RetrievalSet(directory, digest, queries.ids, queries.texts, documents.ids, documents.texts, relevance)


@dataclass(frozen=True)
class _Texts:
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    lines: tuple[int, ...]

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids)}

    def row(self, name: object) -> int | None:
        """Return the row of an id; None of what is none, such as a list."""
        return self._rows.get(name) if isinstance(name, str) else None


def _texts(path: Path) -> _Texts:
    found: dict[str, tuple[str, int]] = {}
    problems = list[tuple[int, str]]()
    for line, cells in rows_of(path):
        if isinstance(cells, str):
            problems.append((line, cells))
            continue
        name, text = cells.get("id"), cells.get("text")
        if not isinstance(name, str) or not name:
            problems.append((line, f"id: got {_shown(name)}, expected a text"))
        elif not isinstance(text, str) or not text.strip():
            problems.append((line, f"text: got {_shown(text)}, expected a text that is not empty"))
        elif any("\ud800" <= letter <= "\udfff" for letter in text):
            problems.append((line, f"text: got {_shown(text)}, which holds half a surrogate pair, no character"))
        elif name in found:
            problems.append((line, f"id: {_shown(name)} stands above as well; expected each once"))
        else:
            found[name] = text, line
    _refuse(path, problems)
    if not found:
        raise DataError(f"{path}: no rows")
    texts, lines = zip(*found.values(), strict=True)
    return _Texts(tuple(found), texts, lines)


def _refuse(path: Path, problems: list[tuple[int, str]]) -> None:
    if problems:
        raise DataError("\n".join(_lines(path, problems)))


def _lines(path: Path, problems: list[tuple[int, str]]) -> Iterator[str]:
    yield from (f"{path}:{line}: {reason}" for line, reason in problems[:_SHOWN])
    if len(problems) > _SHOWN:
        yield f"{path}: and {len(problems) - _SHOWN:,} more bad rows"


def _shown(value: object) -> str:
    words = json.dumps(value, default=str)
    return words if len(words) <= 60 else f"{words[:57]}..."
