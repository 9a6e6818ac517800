"""Checks of each file by itself: balance, repetition, and texts of which a model reads nothing or not all."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from unicodedata import category

from harness.data.audit.types import EXAMPLES, AuditData, Finding, FoldedPair, PairFile
from harness.text import quoted


def label_balance(data: AuditData) -> Finding:
    """Share of the more frequent label in the less even file, in [0.5, 1]."""
    return _worse(data, lambda file: _most_frequent(file, [f"label {pair.label}" for pair in file.pairs]))


def category_balance(data: AuditData) -> Finding:
    """Share of the most frequent category in the less even file."""
    return _worse(data, lambda file: _most_frequent(file, [f"category {name}" for name in file.pairs.categories]))


def duplicates(data: AuditData) -> Finding:
    """Share of the pairs of the worse file that repeat an earlier one of it, with the same label."""
    return _worse(data, _duplicates)


def empty_texts(data: AuditData) -> Finding:
    """Share of the distinct texts of the worse file with no letter, digit or symbol behind their prefix."""
    return _worse(data, _empty)


def truncated_texts(data: AuditData) -> Finding:
    """Share of the distinct texts of the worse file that the model reads only the beginning of."""
    if data.uncounted:
        return Finding(math.nan, reason=data.uncounted)
    return _worse(data, lambda file: _truncated(file, data))


def _worse(data: AuditData, check: Callable[[PairFile], Finding]) -> Finding:
    return max(map(check, data.files), key=lambda finding: finding.value)


def _most_frequent(file: PairFile, values: Sequence[str]) -> Finding:
    # Of equally frequent ones the first by name: never by the order of the file.
    value, count = min(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    return Finding(count / len(file), f"{count:,} of {len(file):,} pairs of {file.name} have {value}")


def _duplicates(file: PairFile) -> Finding:
    first: dict[tuple[FoldedPair, int], int] = {}
    repeated = []
    for row, (key, pair) in enumerate(zip(file.keys, file.pairs, strict=True)):
        earlier = first.setdefault((key, pair.label), row)
        if earlier != row:
            repeated.append(f"{file.place(row)} = {file.place(earlier)}: {file.shown(row)}")
    words = f"{len(repeated):,} of {len(file):,} pairs of {file.name} come again"
    return Finding(len(repeated) / len(file), words, tuple(repeated[:EXAMPLES]))


def _empty(file: PairFile) -> Finding:
    empty = [text for text, folded in file.folded.items() if not any(category(letter)[0] in "LNS" for letter in folded)]
    examples = tuple(f"{file.places[text]}: {quoted(text)}" for text in empty[:EXAMPLES])
    words = f"{len(empty):,} of {len(file.folded):,} texts of {file.name} say nothing"
    return Finding(len(empty) / len(file.folded), words, examples)


def _truncated(file: PairFile, data: AuditData) -> Finding:
    most = math.inf if data.max_length is None else data.max_length
    cut = [text for text in file.pairs.texts if data.word_pieces[text] > most]
    examples = tuple(
        f"{file.places[text]}: {data.word_pieces[text]:,} word pieces, {most:,} are read: {quoted(text)}"
        for text in cut[:EXAMPLES]
    )
    count = len(file.pairs.texts)
    return Finding(len(cut) / count, f"{len(cut):,} of {count:,} texts of {file.name} are truncated", examples)
