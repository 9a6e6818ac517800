"""The shipped pair files, read and judged without the harness: one must not excuse the other."""

import json
import re
from collections import Counter
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
KEYS = ["text_1", "text_2", "label", "category", "subcategory", "pair_type"]


def rows_of(name):
    return [json.loads(line) for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()]


def bare(text):
    """Without speaker, case and spacing."""
    return re.sub(r"\s+", " ", re.sub(r"^\s*(boy|girl)\s*:", "", text, flags=re.IGNORECASE)).strip().lower()


def both_texts(row):
    return bare(row["text_1"]), bare(row["text_2"])


def check(rows, pair_types, column, *, never):
    """Check the fields, the characters, and the label and the number of pairs of each pair type."""
    for row in rows:
        assert list(row) == KEYS
        assert row["subcategory"], row
        assert all(str(value).isascii() and "  " not in str(value) for value in row.values()), row
        assert not any(mark in row[key] for key in ("text_1", "text_2") for mark in never), row
        assert row["label"] in pair_types[row["pair_type"]][0], row
    assert Counter(row["pair_type"] for row in rows) == {name: facts[column] for name, facts in pair_types.items()}
