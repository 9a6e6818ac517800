import subprocess
import sys
from collections import Counter

import pytest

from .rows import FIXTURES, both_texts, rows_of

PAIR_TYPES = {
    # pair type: (labels, pairs in train, in eval, in eval_large)
    "compatible": ([1], 295, 59, 300),
    "subtle_mismatch": ([1], 280, 56, 285),
    "dealbreaker": ([0], 221, 44, 225),
    "incompatible": ([0], 221, 44, 225),
    "judged_compatible": ([1], 162, 32, 165),
    "judged_incompatible": ([0], 133, 27, 135),
    "complex_compatible": ([1], 74, 15, 75),
    "complex_incompatible": ([0], 74, 15, 75),
    "curated_realistic": ([0, 1], 15, 3, 15),
}
TRAIN, EVAL, LARGE, DEV = (rows_of(f"dating/{name}.jsonl") for name in ("train", "eval", "eval_large", "dev"))


def unordered(row):
    return tuple(sorted(both_texts(row)))


def texts_of(rows):
    return {text for row in rows for text in unordered(row)}


@pytest.mark.parametrize("name", ["dating", "tickets", "strategies", "general"])
def test_the_generator_writes_the_committed_bytes(name, tmp_path):
    # -B: a test run leaves no byte code beside the data.
    command = [sys.executable, "-B", str(FIXTURES / name / "generate.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    written, committed = (
        {str(path.relative_to(at)): path.read_bytes() for path in at.rglob("*.jsonl")}
        for at in (tmp_path, FIXTURES / name)
    )
    assert (committed, len(committed)) == (written, sum(path.is_file() for path in tmp_path.rglob("*")))


def test_no_pair_occurs_twice_in_a_file_or_between_them_and_half_of_the_eval_texts_are_new():
    # The key has no label in it: a pair with two labels would be a pair that occurs twice.
    assert Counter(map(unordered, TRAIN + EVAL + LARGE + DEV)).most_common(1)[0][1] == 1
    for rows in (EVAL, LARGE, DEV):
        assert len(texts_of(rows) - texts_of(TRAIN)) / len(texts_of(rows)) >= 0.5


def test_one_text_does_not_give_the_label_away():
    """Most sentences that come more than once in training stand in compatible and in incompatible pairs."""
    labels = {}
    for row in TRAIN:
        for text in unordered(row):
            labels.setdefault(text, []).append(row["label"])
    repeated = [seen for seen in labels.values() if len(seen) > 1]
    assert sum(len(set(seen)) == 2 for seen in repeated) / len(repeated) > 0.5
