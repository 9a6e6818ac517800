import random
import re

from hypothesis import given
from hypothesis import strategies as st

from harness.data.audit.near_duplicates import NearDuplicates, bare

from .rows import both_texts, rows_of


def jaccard(one, other):
    """Of the 3-grams of the words. Written apart from the harness's own."""
    a, b = (
        {words[at : at + 3] for at in range(max(1, len(words) - 2))}
        for words in (" ".join(re.findall(r"[a-z0-9]+", text.replace("'", ""))) for text in (one, other))
    )
    return len(a & b) / len(a | b)


def typed_badly(text, rng, *, errors):
    letters = list(text)
    for at in rng.sample([at for at, letter in enumerate(letters) if letter.isalpha()], errors):
        letters[at] = rng.choice("abcdefghijklmnopqrstuvwxyz".replace(letters[at], ""))
    return "".join(letters)


def test_near_duplicates_are_those_that_a_search_finds():
    """Sentences of templates, some of them with typing errors: most of the pairs near the limit are on either side."""
    rng = random.Random(1)
    train = sorted({text for row in rows_of("dating/train.jsonl")[:200] for text in both_texts(row)})
    evaluation = sorted({typed_badly(text, rng, errors=rng.randint(1, 3)) for text in train[::2]} - set(train))
    expected = {}
    for text in evaluation:
        for other in train:
            counts = len(text.split()), len(other.split())
            if jaccard(text, other) >= 0.85 and max(counts) - min(counts) <= 0.05 * max(counts):
                expected[text] = (*expected.get(text, ()), other)
    assert 20 < len(expected) < len(evaluation)
    assert expected == dict(NearDuplicates(train).of(evaluation))


WORDS = st.text("abc ", min_size=1, max_size=30).map(bare)


@given(st.lists(WORDS, unique=True, max_size=12), st.lists(WORDS, unique=True, max_size=6))
def test_none_is_missed_and_none_is_found_that_is_not_there(train, evaluation):
    expected = {}
    for text in evaluation:
        near = [other for other in train if other != text and jaccard(text, other) >= 0.85]
        near = [other for other in near if text.count(" ") == other.count(" ")]  # of up to 15 words
        if near:
            expected[text] = tuple(near)
    index = NearDuplicates(train)
    assert expected == dict(index.of(evaluation))
    least = index.candidates(evaluation).tolist()
    assert all(len(expected.get(text, ())) <= count for text, count in zip(evaluation, least, strict=True))
