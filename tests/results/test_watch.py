"""A history gives back what was added, NaN included, and a value of another kind is refused."""

import math
import sqlite3

import pytest

from harness.errors import StoreError
from harness.results.watch import WatchCheck, WatchValue, add_check, read_history

VALUES = (WatchValue("auc_roc", 0.8, 0.7, 0.9, 0.85, 0.02), WatchValue("drift_auc", math.nan, reason="too few texts"))


def test_checks_come_back_in_their_order(tmp_path):
    path = tmp_path / "case.sqlite"
    assert [] == read_history(path)
    checks = [WatchCheck(f"2026-01-0{day}", "lora", "fine", "<b>", VALUES) for day in (3, 1, 2)]
    for check in checks:
        add_check(path, check)
    assert repr(checks) == repr(read_history(path))  # NaN is not NaN
    path.write_bytes(b"")
    assert [] == read_history(path)


def test_an_edited_answer_is_refused_and_nothing_is_added(tmp_path):
    path = tmp_path / "case.sqlite"
    add_check(path, WatchCheck("2026-01-01", "lora", "fine", "", VALUES))
    other = sqlite3.connect(path)
    with other:
        other.execute("UPDATE checks SET answer = 'maybe'")
    other.close()
    with pytest.raises(StoreError, match=r"cannot be used as the history \(its answer is wrong\); expected"):
        read_history(path)


def test_a_directory_in_its_place_is_told(tmp_path):
    with pytest.raises(StoreError, match="unable to open database file"):
        add_check(tmp_path, WatchCheck("2026-01-01", "lora", "fine", "", VALUES))
