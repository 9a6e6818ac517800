import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import Pair, PairSet, fold

texts = st.sampled_from(["a", "b", "c", "d", "e f", "é"])


@given(st.lists(st.tuples(texts, texts)))
def test_texts_are_distinct_and_text_rows_lead_back_to_the_pairs(sides):
    pairs = PairSet(Path("unused"), "", tuple(Pair(a, b, 0, "c", "s", "t") for a, b in sides))
    assert len(set(pairs.texts)) == len(pairs.texts)
    assert {text for side in sides for text in side} == set(pairs.texts)
    assert (len(sides), 2) == pairs.text_rows.shape
    assert sides == [(pairs.texts[a], pairs.texts[b]) for a, b in pairs.text_rows.tolist()]
    first_rows = list(dict.fromkeys(pairs.text_rows.reshape(-1).tolist()))
    assert list(range(len(pairs.texts))) == first_rows


@pytest.mark.parametrize(
    ("text", "prefixes", "bare"),
    [
        ("Straße ΣΊΣΥΦΟΣ", [], "strasse σίσυφοσ"),
        ("Boy:tea", ["boy: "], "tea"),
        ("boy: girl: tea", ["boy: ", "girl: "], "girl: tea"),
        ("tomorrow", ["to"], "tomorrow"),
        ("to tomorrow", ["to"], "tomorrow"),
        ("query: tea", ["query", "query:"], "tea"),
        ("boy:", ["boy: "], ""),
        ("tea boy: ", ["boy: "], "tea boy:"),
    ],
)
def test_case_is_folded_and_a_prefix_is_taken_away_where_it_stands_in_front(text, prefixes, bare):
    assert bare == fold(text, prefixes)


def fingerprints(*sides, label=0):
    pairs = PairSet(Path("unused"), "", tuple(Pair(a, b, label, "c", "s", "t") for a, b in sides))
    assert np.dtype(np.uint64) == pairs.fingerprints.dtype
    return pairs.fingerprints.tolist()


def test_a_fingerprint_is_the_head_of_the_digest_of_the_folded_texts():
    digest = hashlib.sha256(b'["i love tea", "you hate \\u00e9tudes"]').hexdigest()
    assert [int(digest[:16], 16)] == fingerprints((" You hate\tÉTUDES", "i  LOVE tea\n"))


def test_order_case_spacing_and_label_make_no_other_pair_and_anything_else_does():
    same = [("b", "a"), ("A", "B"), ("  a", "b\u00a0"), ("\tB ", " A")]
    assert all(fingerprints(("a", "b")) == fingerprints(sides) == fingerprints(sides, label=1) for sides in same)
    other = [("a", "c"), ("a", "a"), ("ab", " "), ("a b", "b"), ('a", "b', "b"), ("á", "b"), ("a.", "b")]
    assert all(fingerprints(("a", "b")) != fingerprints(sides) for sides in other)


def test_shared_pairs_are_counted_once_whatever_their_order_and_label():
    rows = [("a", "b", 1), ("c", "d", 1)], [("B", " a", 0), ("a", "b", 1), ("a", "d", 1)]
    known, other = (PairSet(Path("p"), "0" * 64, tuple(Pair(*row, "c", "s", "t") for row in part)) for part in rows)
    assert (1, 1) == (other.shared_with(known), known.shared_with(other))


@given(st.lists(st.tuples(texts, texts)), st.randoms(use_true_random=False))
def test_fingerprints_are_sorted_and_one_for_each_pair_whatever_their_order(sides, random):
    found = fingerprints(*sides)
    assert sorted(set(found)) == found
    assert len({tuple(sorted(side)) for side in sides}) == len(found)
    shuffled = [side[:: random.choice([1, -1])] for side in sides]
    random.shuffle(shuffled)
    assert found == fingerprints(*shuffled)


def test_grades_train_over_their_range_and_labels_as_they_are():
    graded = PairSet(Path("p"), "", tuple(Pair("a", "b", int(grade >= 3), grade=grade) for grade in (1.0, 3.0, 5.0)))
    assert ([1, 3, 5], [0, 0.5, 1]) == (graded.grades.tolist(), graded.targets.tolist())
    labelled = PairSet(Path("p"), "", tuple(Pair("a", "b", label) for label in (0, 1)))
    assert (None, [0, 1]) == (labelled.grades, labelled.targets.tolist())
