from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import Pair, PairSet, fold, split_off
from harness.errors import DataError


def pairs_of(*sides):
    return PairSet(Path("train.csv"), "0" * 64, tuple(Pair(a, b, 1) for a, b in sides), tuple(range(2, len(sides) + 2)))


TEXTS = st.sampled_from([f"{who}{word}" for who in ("", "boy: ") for word in "abcdefgh"])


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=20), st.floats(0.05, 0.95))
def test_no_text_stands_on_both_sides_and_nothing_is_lost(sides, share):
    whole = pairs_of(*sides)
    try:
        parts = split_off(whole, share, ["boy: "])
    except DataError:
        return
    texts = [{fold(text, ["boy: "]) for pair in part for text in (pair.text_1, pair.text_2)} for part in parts]
    assert not texts[0] & texts[1]
    assert 0 < len(parts[1]) <= share * len(sides)
    lines = [part.line(row) for part in parts for row in range(len(part))]
    assert list(whole.lines) == sorted(lines)
    assert all(whole.pairs[part.line(row) - 2] == pair for part in parts for row, pair in enumerate(part))
    assert [part.digest for part in parts] == [part.digest for part in split_off(whole, share, ["boy: "])]


def test_pairs_that_all_hang_together_cannot_be_split():
    chain = pairs_of(("a", "b"), ("b", "c"), ("c", "d"))
    with pytest.raises(DataError, match=r"train.csv: no 50% of its 3 pairs can be set aside: .* are 3 or more; name a"):
        split_off(chain, 0.5)
