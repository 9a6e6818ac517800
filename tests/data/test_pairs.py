import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import Pair, PairSet, fold, read_pairs
from harness.errors import DataError

FIELDS = "text_1, text_2, label, category, subcategory, pair_type"
VALUES = ("boy: I love lazy Sundays", "girl: I'm all about new people", 0, "lifestyle", "weekend", "incompatible")
ROW = dict(zip(FIELDS.split(", "), VALUES, strict=True))


def line(**changes):
    return json.dumps({**ROW, **changes}, ensure_ascii=False).encode()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pairs.jsonl"


def lines_of_error(path):
    with pytest.raises(DataError) as caught:
        read_pairs(path)
    return str(caught.value).splitlines()


def test_a_valid_file_is_read_in_its_order(path):
    path.write_bytes(line() + b"\r\n" + line(label=1, text_1="é", pair_type="compatible") + b"\n")
    pairs = read_pairs(path)
    assert (Pair(**ROW), Pair(**{**ROW, "label": 1, "text_1": "é", "pair_type": "compatible"})) == pairs.pairs
    assert [0, 1] == pairs.labels.tolist()
    assert ("incompatible", "compatible") == pairs.pair_types
    assert ("lifestyle", "lifestyle") == pairs.categories
    assert (2, list(pairs.pairs)) == (len(pairs), list(pairs))
    assert (path, hashlib.sha256(path.read_bytes()).hexdigest()) == (pairs.path, pairs.digest)


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x1c"])
def test_only_line_feeds_end_a_line(path, separator):
    text = f"one{separator}two"
    raw = json.dumps({**ROW, "text_1": "TEXT"}).replace("TEXT", text if separator != "\x1c" else "one\\u001ctwo")
    path.write_bytes(raw.encode() + b"\n" + line() + b"\n")
    assert (text, 2) == (read_pairs(path).pairs[0].text_1, len(read_pairs(path)))


BAD = {
    "no-json": (b"{", "not JSON (", "expected one object a line"),
    "key-twice": (b'{"label": 0, "label": 1}', "not JSON (the key 'label' stands in it twice)", ""),
    "too-deep": (b"[" * 100_000, "not JSON", ""),
    "byte-order-mark": (b"\xef\xbb\xbf" + line(), "not JSON (Unexpected UTF-8 BOM", ""),
    "not-utf-8": (b'{"text_1": "\xff"}', "not UTF-8 (byte 13 of the line: 0xff)", ""),
    "half-a-surrogate": (line(text_1="?").replace(b"?", b"\\ud800"), "text_1 ", ""),
    "list": (b"[1]", "got a list, expected an object with the fields ", FIELDS),
    "no-label": (line().replace(b'"label": 0, ', b""), "no field 'label'", ""),
    "white-text": (line(text_2=" \t\u00a0"), "text_2 is empty", ""),
    "label-true": (line(label=True), "label is true, expected 0 or 1", ""),
    "label-nan": (line(label=float("nan")), "label is NaN, expected 0 or 1", ""),
    "unknown-field": (line(extra=1), f"unknown field 'extra'; expected {FIELDS}", ""),
    "two-reasons": (line(label=2, text_1=""), "text_1 is empty; label is 2, expected 0 or 1", ""),
}


@pytest.mark.parametrize(("bad", "reason", "also"), BAD.values(), ids=BAD)
def test_a_bad_row_is_named_by_file_and_line_with_its_reason(path, bad, reason, also):
    path.write_bytes(b"\n".join([line(), line(label=1), bad, line()]) + b"\n")
    [message] = lines_of_error(path)
    assert message.startswith(f"{path}:3: {reason}")
    assert also in message


def test_the_first_twenty_bad_rows_are_listed_and_the_rest_counted(path):
    expected = [f"{path}:{number}: label is 7, expected 0 or 1" for number in range(2, 22)]
    for bad_rows, last in ((20, []), (50, ["... and 30 more bad rows"])):
        path.write_bytes(line() + b"\n" + (line(label=7) + b"\n") * bad_rows)
        assert [*expected, *last] == lines_of_error(path)


def test_a_missing_or_empty_file_is_refused(path):
    assert [f"{path}: cannot be read: No such file or directory"] == lines_of_error(path)
    path.touch()
    assert [f"{path}: no pairs in it; expected one JSON object a line"] == lines_of_error(path)


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
