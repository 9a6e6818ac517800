"""Retrieval of one model on a retrieval set."""

from harness.data import RetrievalSet
from harness.execution import Step
from harness.metrics.retrieval import RetrievalResult, evaluate_ranks, relevant_ranks
from harness.models.embeddings import Embeddings

TEXTS = "retrieval"
"""Name of the set's texts in the embeddings: the queries, and below them the documents."""


def retrieve(*, embeddings: Embeddings, retrieval: RetrievalSet, width: int | None = None) -> RetrievalResult:
    """Search every document for each query, exactly, and compute the retrieval metrics.

    With a `width` the embeddings are cut to their first dimensions, as many.
    """
    vectors = embeddings.arrays[TEXTS][:, :width]
    queries, documents = vectors[: len(retrieval.queries)], vectors[len(retrieval.queries) :]
    ranks = relevant_ranks(queries, documents, retrieval.relevant)
    return evaluate_ranks(ranks, [rows[:, 1] for rows in retrieval.relevant])


RETRIEVE = Step("retrieval", run=retrieve, result=RetrievalResult, libraries=("numpy", "ir-measures"))
