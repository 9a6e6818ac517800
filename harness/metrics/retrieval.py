"""Retrieval metrics, computed by ir-measures: exact ranks of the relevant documents in, a value for each query out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.metrics.types import Number

RETRIEVAL_METRICS = ("nDCG@10", "RR@10", "R@10", "R@100", "AP@1000")
"""Metrics by the names of ir-measures: nDCG, reciprocal rank (its mean is MRR), recall, average precision (MAP)."""

DEEPEST = 1000
"""No metric looks below this rank."""

SAME_SCORE = 1e-6
"""Cosines that differ by less are the same: between machines, and in blocks of other sizes, rounding moves them so."""

_BLOCK_ELEMENTS = 2**24  # cosines, or numbers of embeddings, in memory at once: 64 MB


@dataclass(frozen=True)
class RetrievalResult:
    """Retrieval metrics of one model.

    Attributes:
        metrics: Metric -> mean over the queries, in [0, 1].
        per_query: Metric -> value of each query.
        first: Whether the first document that each query finds is relevant.
        reason: Why values are NaN, in words; empty where all are numbers.
    """

    metrics: Mapping[str, Number]
    per_query: Mapping[str, tuple[Number, ...]]
    first: tuple[bool, ...]
    reason: str = ""


def evaluate_ranks(ranks: Sequence[NDArray[np.int64]], grades: Sequence[NDArray[np.int64]]) -> RetrievalResult:
    """Compute every metric from the ranks of the relevant documents.

    Args:
        ranks: Of each query the ranks of its relevant documents, from 1, no two the same; all 0 where it has none (see
            `relevant_ranks`), and its values are then NaN, as are the means.
        grades: Their grades, from 1.
    """
    import ir_measures

    judged, found = list(_judgements(ranks, grades)), list(_run(ranks))
    measures = {name: ir_measures.parse_measure(name) for name in RETRIEVAL_METRICS}
    names = {measure: name for name, measure in measures.items()}
    values = {name: np.zeros(len(ranks)) for name in RETRIEVAL_METRICS}
    for metric in ir_measures.iter_calc(list(measures.values()), judged, found):
        values[names[metric.measure]][int(metric.query_id)] = metric.value
    without = [query for query, of in enumerate(ranks) if len(of) and not of.all()]
    for of_metric in values.values():
        of_metric[without] = np.nan
    reason = f"the embeddings of {len(without):,} of {len(ranks):,} queries are not numbers" if without else ""
    return RetrievalResult(
        metrics={name: float(of.mean()) for name, of in values.items()},
        per_query={name: tuple(of.tolist()) for name, of in values.items()},
        first=tuple(bool((of == 1).any()) for of in ranks),
        reason=reason,
    )


def relevant_ranks(
    queries: NDArray[np.float32], documents: NDArray[np.float32], relevant: Sequence[NDArray[np.int64]]
) -> list[NDArray[np.int64]]:
    """Rank the relevant documents of each query among all documents by cosine, exactly.

    Of documents with the same cosine (`SAME_SCORE`) the less relevant come first: a model gains nothing by giving many
    texts one embedding, and the order of the documents does not matter. A document without a direction comes last.
    Blocks of documents are compared at a time: a million of them takes no more memory than their embeddings.

    Args:
        queries: Shape `(n_queries, dimension)`.
        documents: Shape `(n_documents, dimension)`.
        relevant: Document and grade of what is relevant to each query, each of shape `(n, 2)`.

    Returns:
        The ranks, from 1, of each query's relevant documents in their order; 0 for those of a query whose embedding is
        not all numbers, which finds nothing and misses nothing.
    """
    asked = _unit_rows(queries)
    own = [_steps(vector, documents[rows[:, 0]]) for vector, rows in zip(asked, relevant, strict=True)]
    others = [np.zeros(len(rows), dtype=np.int64) for rows in relevant]
    size = max(1, _BLOCK_ELEMENTS // max(1, len(queries), documents.shape[1]))
    for start in range(0, len(documents), size):
        cosines = np.nan_to_num(asked @ _unit_rows(documents[start : start + size]).T, nan=-2.0)
        for query, (steps, rows, counts) in enumerate(zip(own, relevant, others, strict=True)):
            inside = rows[(rows[:, 0] >= start) & (rows[:, 0] < start + size), 0]
            row = np.sort(np.delete(cosines[query], inside - start))
            counts += len(row) - np.searchsorted(row, ((steps - 1) * SAME_SCORE).astype(row.dtype))
    placed = [_placed(*of) for of in zip(own, others, relevant, strict=True)]
    finite = np.asarray(np.isfinite(queries).all(axis=1)).tolist()
    return [of * is_finite for of, is_finite in zip(placed, finite, strict=True)]


def _placed(steps: NDArray[np.float64], others: NDArray[np.int64], relevant: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ranks, from the number of documents ahead that are not relevant: no two the same, since both terms rise.

    Closeness is in whole steps: "closer by less than a step" would not be transitive, and two could share a rank.
    """
    order = np.lexsort((np.arange(len(steps)), relevant[:, 1], -steps))
    places = np.empty(len(steps), dtype=np.int64)
    places[order] = np.arange(1, len(steps) + 1)
    return others + places


def _steps(query: NDArray[np.float32], documents: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return cosines in steps of `SAME_SCORE`; row by row, so that the same text has the same wherever it stands."""
    cosines = (_unit_rows(documents).astype(np.float64) * query).sum(axis=1)
    return np.asarray(np.rint(np.nan_to_num(cosines, nan=-2.0) / SAME_SCORE))


def _unit_rows(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), dtype=np.float32)


def _judgements(ranks: Sequence[NDArray[np.int64]], grades: Sequence[NDArray[np.int64]]) -> Iterator[object]:
    from ir_measures import Qrel

    for query, (of, grade) in enumerate(zip(ranks, grades, strict=True)):
        for place in range(len(of)):
            yield Qrel(str(query), f"relevant {place}", int(grade[place]))


def _run(ranks: Sequence[NDArray[np.int64]]) -> Iterator[object]:
    """Yield what each query found, each rank with a score of its own: how libraries break ties does not count."""
    from ir_measures import ScoredDoc

    for query, of in enumerate(ranks):
        names = {int(rank): f"relevant {place}" for place, rank in enumerate(of) if 0 < rank <= DEEPEST}
        for rank in range(1, max(names, default=1) + 1):
            yield ScoredDoc(str(query), names.get(rank, f"other {rank}"), float(DEEPEST - rank))
