"""Repeated pairs, and pairs with two labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.data.audit.types import EXAMPLES, Finding
from harness.text import quoted

if TYPE_CHECKING:
    from harness.data.audit.types import AuditData, FoldedPair, PairFile


def duplicates(data: AuditData) -> Finding:
    """Share of the pairs of the worse file that repeat an earlier one of it, with the same label."""
    return max((_duplicates(file) for file in data.files), key=lambda finding: finding.value)


def contradictions(data: AuditData) -> Finding:
    """Number of pairs that have label 1 in one place and label 0 in another, in either file or between them."""
    places: dict[FoldedPair, dict[int, str]] = {}
    texts: dict[FoldedPair, str] = {}
    for file in data.files:
        for row, (key, pair) in enumerate(zip(file.keys, file.pairs, strict=True)):
            places.setdefault(key, {}).setdefault(pair.label, file.place(row))
            texts.setdefault(key, f"{quoted(pair.text_1)} and {quoted(pair.text_2)}")
    both = [key for key, found in places.items() if len(found) == 2]
    examples = tuple(f"{places[key][1]} says 1, {places[key][0]} says 0: {texts[key]}" for key in both[:EXAMPLES])
    return Finding(float(len(both)), f"{len(both):,} of {len(places):,} different pairs have two labels", examples)


def _duplicates(file: PairFile) -> Finding:
    first: dict[tuple[FoldedPair, int], int] = {}
    repeated: list[tuple[int, int]] = []
    for row, (key, pair) in enumerate(zip(file.keys, file.pairs, strict=True)):
        earlier = first.setdefault((key, pair.label), row)
        if earlier != row:
            repeated.append((row, earlier))
    examples = tuple(
        f"{file.place(row)} = {file.place(earlier)}: "
        f"{quoted(file.pairs.pairs[row].text_1)} and {quoted(file.pairs.pairs[row].text_2)}"
        for row, earlier in repeated[:EXAMPLES]
    )
    count = len(repeated)
    return Finding(count / len(file), f"{count:,} of {len(file):,} pairs of {file.name} come again", examples)
