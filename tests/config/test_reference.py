"""The documentation of the keys is read off the models."""

from __future__ import annotations

import tomllib

from harness.config import case_reference
from harness.data.audit import CHECKS
from harness.metrics import METRICS

ROWS = {(row.table, row.key): row for row in case_reference()}


def test_every_key_says_what_it_means_and_every_key_with_a_default_is_optional() -> None:
    assert [] == [key for key, row in ROWS.items() if not row.meaning]
    assert [] == [key for key, row in ROWS.items() if row.required and row.default]


def test_every_default_is_toml() -> None:
    for row in ROWS.values():
        if row.default:
            tomllib.loads(f"{row.key} = {row.default}")


def test_types_and_defaults_are_in_words() -> None:
    shown = {key: (row.type, row.default) for key, row in ROWS.items()}
    assert ("number, above 0", "") == shown["models.NAME", "learning_rate"]
    assert ("integer, at least 1", "8") == shown["models.NAME.lora", "rank"]
    assert ('one of "full", "lora"', "") == shown["models.NAME", "strategy"]
    assert ("list of text", "") == shown["data", "prefixes"]
    assert ("table of text", "") == shown["base", "sha256"]
    assert ("list of tables", "") == shown["gates", "relative_performance"]
    assert ("number, above 0, at most 1", "0.9") == shown["gates.relative_performance", "at_least"]
    assert ("table of number, above 0", "") == shown["gates.memory_mb", "train"]


def test_checks_and_metrics_are_keys() -> None:
    assert list(CHECKS) == [key for table, key in ROWS if table == "audit"]
    assert list(METRICS) == [key for table, key in ROWS if table == "tolerance.floor"]
    assert list(METRICS) == [key for table, key in ROWS if table == "tolerance.base"]
