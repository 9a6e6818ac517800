"""The committed dating pairs are what the generator writes, and evaluation never repeats training."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

DATING = Path(__file__).resolve().parents[2] / "fixtures" / "dating"
KEYS = ["text_1", "text_2", "label", "category", "subcategory", "pair_type"]
PAIR_TYPES = {
    # pair type: (label, pairs in train, in eval, in eval_large)
    "compatible": (1, 295, 59, 300),
    "subtle_mismatch": (1, 280, 56, 285),
    "dealbreaker": (0, 221, 44, 225),
    "incompatible": (0, 221, 44, 225),
    "judged_compatible": (1, 162, 32, 165),
    "judged_incompatible": (0, 133, 27, 135),
    "complex_compatible": (1, 74, 15, 75),
    "complex_incompatible": (0, 74, 15, 75),
    "curated_realistic": (None, 15, 3, 15),
}


def rows_of(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (DATING / name).read_text(encoding="utf-8").splitlines()]


TRAIN, EVAL, LARGE = rows_of("train.jsonl"), rows_of("eval.jsonl"), rows_of("eval_large.jsonl")
ALL = pytest.mark.parametrize("rows", [TRAIN, EVAL, LARGE], ids=["train", "eval", "large"])
BOTH_EVALS = pytest.mark.parametrize("rows", [EVAL, LARGE], ids=["eval", "large"])


def bare(text: object) -> str:
    """Without prefix, case and spacing. Written apart from the generator's own: one must not excuse the other."""
    return re.sub(r"\s+", " ", re.sub(r"^\s*(boy|girl)\s*:", "", str(text), flags=re.IGNORECASE)).strip().lower()


def unordered(row: dict[str, object]) -> tuple[str, ...]:
    return tuple(sorted((bare(row["text_1"]), bare(row["text_2"]))))


def texts_of(rows: list[dict[str, object]]) -> set[str]:
    return {text for row in rows for text in unordered(row)}


@pytest.mark.parametrize("directory", [DATING, DATING.with_name("tickets")], ids=lambda path: path.name)
def test_the_generator_writes_the_committed_bytes(directory: Path, tmp_path: Path) -> None:
    # -B: a test run leaves no byte code beside the data.
    command = [sys.executable, "-B", str(directory / "generate.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    written, committed = ({path.name: path.read_bytes() for path in at.glob("*.jsonl")} for at in (tmp_path, directory))
    assert (committed, len(committed)) == (written, len(list(tmp_path.iterdir())))


@ALL
def test_rows_are_well_formed(rows: list[dict[str, object]]) -> None:
    for row in rows:
        assert list(row) == KEYS
        prefixes = {str(row[key]).split(": ")[0] for key in ("text_1", "text_2")}
        assert prefixes == {"boy", "girl"}, row
        assert row["subcategory"], row
        assert all(str(value).isascii() and "  " not in str(value) for value in row.values()), row
        assert not any(mark in str(row[key]) for key in ("text_1", "text_2") for mark in "{}|/"), row


@ALL
def test_pair_types_have_their_shares_and_labels(rows: list[dict[str, object]]) -> None:
    column = 1 + [TRAIN, EVAL, LARGE].index(rows)
    assert Counter(row["pair_type"] for row in rows) == {name: facts[column] for name, facts in PAIR_TYPES.items()}
    for row in rows:
        label = PAIR_TYPES[str(row["pair_type"])][0]
        assert row["label"] in ((0, 1) if label is None else (label,)), row


def test_no_pair_occurs_twice_in_a_file_or_between_them() -> None:
    # The key has no label in it: a pair with two labels would be a pair that occurs twice.
    repeated = {pair: count for pair, count in Counter(map(unordered, TRAIN + EVAL + LARGE)).items() if count > 1}
    assert repeated == {}


@BOTH_EVALS
def test_at_least_half_of_the_eval_texts_are_new(rows: list[dict[str, object]]) -> None:
    texts = texts_of(rows)
    assert len(texts - texts_of(TRAIN)) / len(texts) >= 0.5


def test_one_text_does_not_give_the_label_away() -> None:
    """Most sentences that come more than once in training stand in compatible and in incompatible pairs."""
    labels: dict[str, list[object]] = {}
    for row in TRAIN:
        for text in unordered(row):
            labels.setdefault(text, []).append(row["label"])
    repeated = [seen for seen in labels.values() if len(seen) > 1]
    assert sum(len(set(seen)) == 2 for seen in repeated) / len(repeated) > 0.5
    for wording in ("dealbreaker", "my kind of people", "never", "love"):
        seen = {row["label"] for row in TRAIN if any(wording in text for text in unordered(row))}
        assert seen == {0, 1}, wording
