"""Retrieval sets: what is read, and each bad row by file and line."""

import json

import numpy as np
import pytest

from harness.data import Side, Sides, read_retrieval
from harness.errors import DataError

GOOD = {
    "queries": [{"id": "q", "text": "red"}, {"id": "r", "text": "blue"}],
    "documents": [{"id": "a", "text": "crimson"}, {"id": "b", "text": "navy"}, {"id": "c", "text": "grey"}],
    "relevance": [
        {"query": "r", "document": "b", "grade": 2},
        {"query": "q", "document": "a", "grade": 1},
        {"query": "q", "document": "c", "grade": 0},
    ],
}


@pytest.fixture
def write(tmp_path):
    def written(**changed):
        for name, rows in {**GOOD, **changed}.items():
            (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return tmp_path

    return written


def test_rows_are_read_in_order_and_only_what_is_relevant_is_kept(write):
    found = read_retrieval(write())
    assert (("q", "r"), ("red", "blue"), ("a", "b", "c")) == (found.query_ids, found.queries, found.document_ids)
    assert [[[0, 1]], [[1, 2]]] == [rows.tolist() for rows in found.relevant]
    assert np.array_equal([[0, 0, 1], [1, 1, 2]], found.relevance)
    assert 1 == len(found.texts(Sides()))
    assert found.texts(Sides(Side("query"), Side("document"))) == (found.queries, found.documents)
    assert found.digest != read_retrieval(write(queries=[*GOOD["queries"][:1], {"id": "r", "text": "navy"}])).digest


BAD = {
    "a query twice": ({"queries": [*GOOD["queries"], GOOD["queries"][0]]}, 'queries.jsonl:3: id: "q" stands above'),
    "no text": ({"documents": [{"id": "a", "text": " "}]}, 'documents.jsonl:1: text: got " ", expected a text'),
    "no id": ({"documents": [{"text": "x"}]}, "documents.jsonl:1: id: got null, expected a text"),
    "an unknown query": (
        {"relevance": [{"query": "x", "document": "a", "grade": 1}]},
        'relevance.jsonl:1: query: got "x", expected an id of queries.jsonl',
    ),
    "an unknown document": (
        {"relevance": [{"query": "q", "document": "x", "grade": 1}]},
        'relevance.jsonl:1: document: got "x", expected an id of documents.jsonl',
    ),
    "a grade that is none": (
        {"relevance": [{"query": "q", "document": "a", "grade": -1}]},
        "relevance.jsonl:1: grade: got -1, expected a whole number",
    ),
    "a grade without end": (
        {"relevance": [{"query": "q", "document": "a", "grade": 10**30}]},
        "expected a whole number, 0 for what is not relevant, at most 1,000",
    ),
    "a list for an id": (
        {"relevance": [{"query": ["q"], "document": "a", "grade": 1}]},
        'relevance.jsonl:1: query: got ["q"], expected an id of queries.jsonl',
    ),
    "no object": ({"documents": [["a", "x"]]}, "documents.jsonl:1: got a list, expected an object"),
    "half a character": ({"documents": [{"id": "a", "text": "\ud800"}]}, "documents.jsonl:1: text: got"),
    "two grades": (
        {"relevance": [*GOOD["relevance"], {**GOOD["relevance"][0], "grade": 1}]},
        "relevance.jsonl:4: another",
    ),
    "nothing relevant": (
        {"relevance": [{"query": "q", "document": "a", "grade": 0}]},
        "relevance.jsonl: no document is relevant to any query",
    ),
    "a query without any": (
        {"relevance": GOOD["relevance"][:1]},
        'queries.jsonl:1: "q" has no relevant document in relevance.jsonl, as 1 of 2 queries;',
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_refused_in_one_line(write, name):
    changed, expected = BAD[name]
    with pytest.raises(DataError) as caught:
        read_retrieval(write(**changed))
    [line] = str(caught.value).splitlines()
    assert expected in line


def test_the_shop_is_what_its_rules_say(dating_case_path):
    found = read_retrieval(dating_case_path.parent.parent / "strategies" / "retrieval")
    assert len(found.queries) >= 400
    assert len(found.documents) >= 5000
    assert {1, 2} == set(found.relevance[:, 2])
