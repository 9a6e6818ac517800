"""Retrieval metrics beside formulas of their own, and ranks beside a plain sort."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics.retrieval import RETRIEVAL_METRICS, evaluate_ranks, relevant_ranks
from harness.statistics import retrieval_change


def reference(ranks, grades):
    """Each metric of one query, from its definition."""
    order = np.argsort(ranks)
    ranks, grades = np.asarray(ranks)[order], np.asarray(grades)[order]
    gain = sum(g / math.log2(r + 1) for r, g in zip(ranks, grades, strict=True) if r <= 10)
    ideal = sum(g / math.log2(r + 1) for r, g in enumerate(sorted(grades, reverse=True)[:10], start=1))
    precisions = [(place + 1) / rank for place, rank in enumerate(ranks) if rank <= 1000]
    return {
        "nDCG@10": gain / ideal,
        "RR@10": 1 / ranks[0] if ranks[0] <= 10 else 0,
        "R@10": np.mean(ranks <= 10),
        "R@100": np.mean(ranks <= 100),
        "AP@1000": sum(precisions) / len(ranks),
    }


QUERY = st.lists(st.tuples(st.integers(1, 1500), st.integers(1, 3)), min_size=1, max_size=12, unique_by=lambda t: t[0])


@given(st.lists(QUERY, min_size=1, max_size=4))
def test_each_metric_of_each_query_is_what_its_definition_says(queries):
    ranks, grades = ([np.array([pair[part] for pair in query]) for query in queries] for part in (0, 1))
    found = evaluate_ranks(ranks, grades)
    for row, query in enumerate(queries):
        expected = reference(*zip(*query, strict=True))
        assert {name: pytest.approx(value) for name, value in expected.items()} == {
            name: found.per_query[name][row] for name in RETRIEVAL_METRICS
        }
        assert found.first[row] == (min(rank for rank, _ in query) == 1)
    assert found.metrics["R@10"] == pytest.approx(np.mean(found.per_query["R@10"]))


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_ranks_are_those_of_a_sort_whatever_the_order_of_documents(seed, documents):
    rng = np.random.default_rng(seed)
    queries, texts = rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=(documents, 4)).astype(np.float32)
    texts = texts[rng.integers(documents, size=documents)]  # some are the same
    grades = rng.integers(0, 3, size=(3, documents))
    relevant = [np.array([(d, g) for d, g in enumerate(row) if g]).reshape(-1, 2).astype(np.int64) for row in grades]
    found = relevant_ranks(queries, texts, relevant)
    for query, rows, ranks in zip(queries, relevant, found, strict=True):
        cosines = texts.astype(float) @ query.astype(float) / np.linalg.norm(texts, axis=1)
        row_grades = dict(rows.tolist())
        order = sorted(range(documents), key=lambda d: (-round(cosines[d], 5), row_grades.get(d, 0)))
        expected = sorted((order.index(d) + 1, g) for d, g in rows.tolist())
        assert expected == sorted(zip(ranks.tolist(), rows[:, 1].tolist(), strict=True))
    turned = [np.column_stack([documents - 1 - rows[:, 0], rows[:, 1]]) for rows in relevant]
    for one, other in zip(found, relevant_ranks(queries, texts[::-1], turned), strict=True):
        assert sorted(one.tolist()) == sorted(other.tolist())


@given(st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_no_two_relevant_documents_share_a_rank_however_close_they_are(seed, steps):
    """A chain of cosines less than `SAME_SCORE` apart: the first and the last are further apart than that."""
    cosines = 0.3 + steps * 1e-6 * np.random.default_rng(seed).random(30)
    documents = np.column_stack([cosines, np.sqrt(1 - cosines**2)]).astype(np.float32)
    rows = np.array([[row, 1 + row % 2] for row in range(0, 30, 2)])
    [ranks] = relevant_ranks(np.array([[1, 0]], dtype=np.float32), documents, [rows])
    assert len(set(ranks.tolist())) == len(ranks)
    assert 1 <= ranks.min() <= ranks.max() <= 30
    assert 1 == evaluate_ranks([ranks], [rows[:, 1]]).metrics["R@100"]


def test_a_model_with_one_embedding_for_all_texts_finds_nothing_first():
    ones = np.ones((200, 3), dtype=np.float32)
    [ranks] = relevant_ranks(ones[:1], ones, [np.array([[0, 1], [7, 2]])])
    assert [199, 200] == ranks.tolist()
    found = evaluate_ranks([ranks], [np.array([1, 2])])
    assert (0, 0, (False,)) == (found.metrics["nDCG@10"], found.metrics["RR@10"], found.first)


def test_a_document_without_a_direction_comes_last(monkeypatch):
    from harness.metrics import retrieval

    monkeypatch.setattr(retrieval, "_BLOCK_ELEMENTS", 2)  # a block each two documents
    documents = np.array([[0, 0], [-1, 0], [1, 0], [np.nan, 1]], dtype=np.float32)
    [ranks] = relevant_ranks(np.array([[1, 0]], dtype=np.float32), documents, [np.array([[0, 1], [1, 1], [2, 2]])])
    assert [3, 2, 1] == [min(rank, 3) for rank in ranks.tolist()]


def test_a_query_whose_embedding_is_not_a_number_has_no_values_and_neither_has_the_model():
    texts = np.eye(3, dtype=np.float32)
    queries, relevant = texts.copy(), [np.array([[row, 1]]) for row in range(3)]
    whole = evaluate_ranks(relevant_ranks(queries, texts, relevant), [np.array([1])] * 3)
    assert ("", {1.0}) == (whole.reason, set(whole.per_query["nDCG@10"]))
    queries[1, 2] = np.nan
    found = evaluate_ranks(relevant_ranks(queries, texts, relevant), [np.array([1])] * 3)
    for name in RETRIEVAL_METRICS:
        np.testing.assert_array_equal([1, np.nan, 1], found.per_query[name])
        assert math.isnan(found.metrics[name])
    assert (True, False, True) == found.first
    assert found.reason == "the embeddings of 1 of 3 queries are not numbers"
    change = retrieval_change(found, whole, "nDCG@10")
    assert (True, found.reason) == (math.isnan(change.difference), change.reason)
