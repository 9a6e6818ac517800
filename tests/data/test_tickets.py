import re

import pytest
from sklearn.metrics import roc_auc_score

from .rows import both_texts, rows_of

PAIR_TYPES = {
    # pair type: (labels, pairs in train, pairs in eval)
    "solved": ([1], 227, 118),
    "paraphrased": ([1], 162, 84),
    "next_step": ([1], 130, 67),
    "new_question": ([1], 129, 67),
    "same_symptom": ([0], 195, 101),
    "same_area": ([0], 117, 60),
    "other_area": ([0], 77, 41),
    "already_tried": ([0], 130, 67),
    "old_question": ([0], 129, 67),
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

TRAIN, EVAL = rows_of("tickets/train.jsonl"), rows_of("tickets/eval.jsonl")
BOTH = pytest.mark.parametrize("rows", [TRAIN, EVAL], ids=["train", "eval"])


def test_no_ticket_of_eval_is_known_and_new_articles_have_more_than_half_of_the_pairs():
    (tickets, articles), (eval_tickets, eval_articles) = (
        zip(*map(both_texts, rows), strict=True) for rows in (TRAIN, EVAL)
    )
    assert not set(tickets) & set(eval_tickets)
    new = set(eval_articles) - set(articles)
    assert (96, 24) == (len(set(eval_articles)), len(new))
    assert sum(article in new for article in eval_articles) / len(EVAL) > 0.5


@BOTH
def test_counting_shared_words_is_not_enough(rows):
    words = [[set(re.findall(r"[a-z0-9]+", text)) for text in both_texts(row)] for row in rows]
    shared = [len(ticket & article) for ticket, article in words]
    assert roc_auc_score([row["label"] for row in rows], shared) < 0.65


@BOTH
def test_one_to_two_percent_of_the_tickets_are_too_long_to_be_read_to_their_question(rows):
    """A model cuts them before the key sentence; an audit has to notice."""
    long = [row["text_1"] for row in rows if len(row["text_1"].split()) > READ_PIECES]
    assert 0.01 <= len(long) / len(rows) <= 0.02
    for ticket in long:
        lines = ticket.split("\n")
        quoted_until = max(at for at, line in enumerate(lines) if line.startswith("> "))
        assert len(" ".join(lines[: quoted_until + 1]).split()) > READ_PIECES, ticket
    assert max(words for row in rows if (words := len(row["text_1"].split())) <= READ_PIECES) < 150
