"""Near duplicates are those that a search through everything finds."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from typing import Any

import pytest

from harness.data import fold
from harness.data.audit.near_duplicates import near_duplicates


def jaccard(one: str, other: str) -> float:
    """Of the 3-grams of the words. Written apart from the harness's own."""
    a, b = (
        {words[at : at + 3] for at in range(max(1, len(words) - 2))}
        for words in (" ".join(re.findall(r"[a-z0-9]+", text.replace("'", ""))) for text in (one, other))
    )
    return len(a & b) / len(a | b)


def test_near_duplicates_are_those_that_a_search_finds(dating: Any, typed_badly: Any) -> None:
    """Sentences of templates, some of them with typing errors: most of the pairs near the limit are on either side."""
    rng = random.Random(1)
    train = sorted({fold(text, ("boy: ", "girl: ")) for p in dating[0][:200] for text in (p.text_1, p.text_2)})
    evaluation = sorted({typed_badly(text, rng, errors=rng.randint(1, 3)) for text in train[::2]} - set(train))
    expected = {}
    for text in evaluation:
        near = tuple(
            other
            for other in train
            if jaccard(text, other) >= 0.85
            and abs(len(text.split()) - len(other.split())) <= 0.05 * max(len(text.split()), len(other.split()))
        )
        if near:
            expected[text] = near
    assert 20 < len(expected) < len(evaluation)
    assert expected == near_duplicates(train, evaluation)


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("people who drink black tea are my kind of people", "people who drink blach tea are my kind of people", True),
        ("people who drink black tea, are my kind of men", "people who drink black tea are my kind of men!", True),
        ("i'm into tea", "im into tea", True),
        ("people who drink black tea are my kind", "people who drink black tea are not my kind", False),
        ("i really do trust people who drink black tea", "i really do love people who drink black tea", False),
        ("tea", "tee", False),
        ("tea", "!", False),
        ("?!", "!?", False),
        ("?!", "?!", False),
        ("\uff54\uff45\uff41 for two", "tea for two", True),
    ],
)
def test_what_is_a_trivial_change(one: str, other: str, near: bool) -> None:
    assert ({one: (other,)} if near else {}) == near_duplicates([other], [one])


def test_a_long_text_may_have_a_word_more() -> None:
    text = " ".join(f"word{number}" for number in range(40))
    assert {text + " more": (text,)} == near_duplicates([text], [text + " more"])


def test_near_duplicates_do_not_depend_on_the_process() -> None:
    source = """
import json
from harness.data.audit.near_duplicates import near_duplicates
train = [f"people who go to place number {n} are my kind of people" for n in range(100)]
print(json.dumps(near_duplicates(train, [text.replace("kind", "kinb") for text in train[::5]])))
"""
    answers = [
        subprocess.check_output([sys.executable, "-c", source], env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    ]
    assert answers[0] == answers[1]
    assert 20 == len(json.loads(answers[0]))
