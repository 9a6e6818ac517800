"""Nothing but the meaning gives the labels of the ticket pairs away, and evaluation repeats no training."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

TICKETS = Path(__file__).resolve().parents[2] / "fixtures" / "tickets"
KEYS = ["text_1", "text_2", "label", "category", "subcategory", "pair_type"]
PAIR_TYPES = {
    # pair type: (label, pairs in train, pairs in eval)
    "solved": (1, 227, 118),
    "paraphrased": (1, 162, 84),
    "next_step": (1, 130, 67),
    "new_question": (1, 129, 67),
    "same_symptom": (0, 195, 101),
    "same_area": (0, 117, 60),
    "other_area": (0, 77, 41),
    "already_tried": (0, 130, 67),
    "old_question": (0, 129, 67),
}
# A ticket has two pairs; these are the types that may meet.
PARTNERS = {
    "solved": {"same_symptom", "same_area", "other_area"},
    "paraphrased": {"same_symptom", "same_area", "other_area"},
    "next_step": {"already_tried"},
    "new_question": {"old_question"},
}
# all-MiniLM-L6-v2 reads 256 word pieces; a word has at least one.
READ_PIECES = 256


def rows_of(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (TICKETS / name).read_text(encoding="utf-8").splitlines()]


TRAIN, EVAL = rows_of("train.jsonl"), rows_of("eval.jsonl")
BOTH = pytest.mark.parametrize("rows", [TRAIN, EVAL], ids=["train", "eval"])


def bare(text: object) -> str:
    """Without case and spacing. Written apart from the generator's own: one must not excuse the other."""
    return re.sub(r"\s+", " ", str(text)).strip().lower()


def both_texts(row: dict[str, object]) -> tuple[str, str]:
    return bare(row["text_1"]), bare(row["text_2"])


def labels_of(rows: list[dict[str, object]]) -> np.ndarray:
    return np.array([row["label"] for row in rows], dtype=bool)


def auc(values: np.ndarray, labels: np.ndarray) -> float:
    """Share of (solved, unsolved) couples that the values put in this order; a tie is half."""
    differences = values[labels][:, None] - values[~labels][None, :]
    return float(((differences > 0) + 0.5 * (differences == 0)).mean())


@BOTH
def test_rows_are_well_formed(rows: list[dict[str, object]]) -> None:
    for row in rows:
        assert list(row) == KEYS
        assert row["subcategory"], row
        assert all(str(value).isascii() and "  " not in str(value) for value in row.values()), row
        assert not any(mark in str(row[key]) for key in ("text_1", "text_2") for mark in ("{", "}", " // ", "..")), row
        title, body = str(row["text_2"]).split("\n")
        assert not title.endswith("."), row
        assert body.endswith("."), row


@BOTH
def test_pair_types_have_their_counts_and_labels(rows: list[dict[str, object]]) -> None:
    column = 1 if rows is TRAIN else 2
    assert Counter(row["pair_type"] for row in rows) == {name: facts[column] for name, facts in PAIR_TYPES.items()}
    for row in rows:
        assert row["label"] == PAIR_TYPES[str(row["pair_type"])][0], row


@BOTH
def test_every_ticket_occurs_once_with_each_label(rows: list[dict[str, object]]) -> None:
    """So nothing in a ticket alone gives its label away."""
    pairs: dict[str, dict[object, str]] = {}
    for row in rows:
        pairs.setdefault(both_texts(row)[0], {})[row["label"]] = str(row["pair_type"])
    assert len(pairs) * 2 == len(rows)
    for types in pairs.values():
        assert types[0] in PARTNERS[types[1]]


@BOTH
def test_every_article_is_wrong_about_as_often_as_right(rows: list[dict[str, object]]) -> None:
    """So nothing in an article alone gives the label away."""
    counts = Counter((both_texts(row)[1], row["label"]) for row in rows)
    for article in {article for article, _ in counts}:
        assert counts[article, 0] > 0, article
        assert counts[article, 1] > 0, article
        assert abs(counts[article, 0] - counts[article, 1]) <= 1, article


def test_no_ticket_of_eval_occurs_in_training() -> None:
    assert {both_texts(row)[0] for row in TRAIN} & {both_texts(row)[0] for row in EVAL} == set()


def test_a_quarter_of_the_eval_articles_is_new_and_has_more_than_half_of_the_pairs() -> None:
    seen = {both_texts(row)[1] for row in TRAIN}
    articles = Counter(both_texts(row)[1] for row in EVAL)
    new = {article for article in articles if article not in seen}
    assert (len(articles), len(new)) == (96, 24)
    assert sum(articles[article] for article in new) / len(EVAL) > 0.5


@BOTH
def test_counting_shared_words_is_not_enough(rows: list[dict[str, object]]) -> None:
    shared = []
    for row in rows:
        ticket, article = (set(re.findall(r"[a-z0-9]+", text)) for text in both_texts(row))
        shared.append(len(ticket & article))
    assert auc(np.array(shared), labels_of(rows)) < 0.65


@BOTH
def test_one_to_two_percent_of_the_tickets_are_too_long_to_be_read_to_their_question(
    rows: list[dict[str, object]],
) -> None:
    """A model cuts them before the key sentence; an audit has to notice."""
    long = [str(row["text_1"]) for row in rows if len(str(row["text_1"]).split()) > READ_PIECES]
    assert 0.01 <= len(long) / len(rows) <= 0.02
    for ticket in long:
        quoted_until = max(at for at, line in enumerate(ticket.split("\n")) if line.startswith("> "))
        before = "\n".join(ticket.split("\n")[: quoted_until + 1])
        assert len(before.split()) > READ_PIECES, ticket
    others = [str(row["text_1"]) for row in rows if len(str(row["text_1"]).split()) <= READ_PIECES]
    assert max(len(ticket.split()) for ticket in others) < 150
