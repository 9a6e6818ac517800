"""Balance of labels and categories."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from harness.data.audit.types import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.data.audit.types import AuditData


def label_balance(data: AuditData) -> Finding:
    """Share of the more frequent label in the less even file, in [0.5, 1]."""
    return _least_even((file.name, [f"label {pair.label}" for pair in file.pairs]) for file in data.files)


def category_balance(data: AuditData) -> Finding:
    """Share of the most frequent category in the less even file."""
    return _least_even((file.name, [f"category {name}" for name in file.pairs.categories]) for file in data.files)


def _least_even(files: Iterable[tuple[str, list[str]]]) -> Finding:
    findings = []
    for name, values in files:
        # Of equally frequent ones the first by name: never by the order of the file.
        value, count = min(Counter(values).items(), key=lambda item: (-item[1], item[0]))
        findings.append(Finding(count / len(values), f"{count:,} of {len(values):,} pairs of {name} have {value}"))
    return max(findings, key=lambda finding: finding.value)
