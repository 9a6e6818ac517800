"""Pairs -> the examples of each kind of loss; pairs that cannot give them are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.data import EXAMPLES, Pair, PairSet
from harness.errors import DataError


def pair_set(*rows):
    return PairSet(Path("train.jsonl"), "", tuple(Pair(first, second, label) for first, second, label in rows))


PAIRS = pair_set(("q", "good", 1), ("q", "bad", 0), ("q", "worse", 0), ("r", "fine", 1), ("q", "well", 1))


def test_pairs_give_their_labels_or_the_grades_where_they_have_them():
    graded = replace(PAIRS, pairs=tuple(replace(pair, grade=float(place)) for place, pair in enumerate(PAIRS)))
    assert (0.0, 0.25, 0.5, 0.75, 1.0) == EXAMPLES["graded"](graded, 0).labels
    assert (1.0, 0.0, 0.0, 1.0, 1.0) == EXAMPLES["labelled"](graded, 0).labels == EXAMPLES["graded"](PAIRS, 0).labels
    assert ["text_1", "text_2"] == list(EXAMPLES["graded"](PAIRS, 0).columns)


@pytest.mark.parametrize(
    ("negatives", "expected"),
    [
        (0, {}),
        (1, {"negative_1": ("bad", "bad", "good")}),
        (3, {"negative_1": ("bad", "bad", "good"), "negative_2": ("worse", "worse", "good")}),
    ],
)
def test_a_query_stands_with_each_positive_and_its_own_negatives_or_another_querys_positive(negatives, expected):
    found = EXAMPLES["ranking"](PAIRS, negatives)
    assert {"anchor": ("q", "q", "r"), "positive": ("good", "well", "fine")}.items() <= found.columns.items()
    assert expected.items() <= found.columns.items()
    assert (2 + negatives, None, True) == (len(found.columns), found.labels, found.distinct)
    if negatives == 3:  # its two in turn
        assert ("bad", "bad", "good") == found.columns["negative_3"]


def test_triplets_are_every_combination_or_so_many_negatives_a_positive():
    whole, first = EXAMPLES["triplets"](PAIRS, 0).columns, EXAMPLES["triplets"](PAIRS, 1).columns
    assert {("q", "good", "bad"), ("q", "good", "worse"), ("q", "well", "bad"), ("q", "well", "worse")} == set(
        zip(*whole.values(), strict=True)
    )
    assert [("q", "good", "bad"), ("q", "well", "bad")] == list(zip(*first.values(), strict=True))


def test_a_margin_is_the_difference_of_two_grades():
    pairs = tuple(replace(pair, grade=grade) for pair, grade in zip(PAIRS, (9.0, 1.0, 3.0, 8.0, 5.0), strict=True))
    found = EXAMPLES["margins"](replace(PAIRS, pairs=pairs), 0)
    assert (1.0, 0.75, 0.5, 0.25) == found.labels


@pytest.mark.parametrize(
    ("kind", "negatives", "rows", "expected"),
    [
        ("ranking", 0, [("q", "a", 0)], "no pair has label 1"),
        ("ranking", 1, [("q", "a", 1), ("r", "b", 0)], "no query has a pair of each label"),
        ("triplets", 0, [("q", "a", 1), ("r", "b", 0)], "has a pair of each label; expected triplets"),
        ("margins", 0, [("q", "a", 1), ("q", "b", 0)], "have labels alone; expected graded ones"),
    ],
)
def test_pairs_that_cannot_give_them_are_refused(kind, negatives, rows, expected):
    with pytest.raises(DataError, match=expected):
        EXAMPLES[kind](pair_set(*rows), negatives)
