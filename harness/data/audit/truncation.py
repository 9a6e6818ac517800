"""Truncation: texts of which a model does not read all, and those with nothing to read."""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING

from harness.data.audit.types import EXAMPLES, Finding
from harness.text import quoted

if TYPE_CHECKING:
    from harness.data.audit.types import AuditData, PairFile


def empty_texts(data: AuditData) -> Finding:
    """Share of the distinct texts of the worse file with no letter, digit or symbol behind their prefix."""
    return max((_empty(file) for file in data.files), key=lambda finding: finding.value)


def truncated_texts(data: AuditData) -> Finding:
    """Share of the distinct texts of the worse file that the model reads only the beginning of."""
    if data.uncounted:
        return Finding(math.nan, reason=data.uncounted)
    return max((_truncated(file, data) for file in data.files), key=lambda finding: finding.value)


def _empty(file: PairFile) -> Finding:
    empty = [text for text, folded in file.folded.items() if not any(map(_says_something, folded))]
    examples = tuple(f"{file.places[text]}: {quoted(text)}" for text in empty[:EXAMPLES])
    words = f"{len(empty):,} of {len(file.folded):,} texts of {file.name} say nothing"
    return Finding(len(empty) / len(file.folded), words, examples)


def _says_something(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNS"


def _truncated(file: PairFile, data: AuditData) -> Finding:
    most = math.inf if data.max_length is None else data.max_length
    cut = [text for text in file.pairs.texts if data.word_pieces[text] > most]
    examples = tuple(
        f"{file.places[text]}: {data.word_pieces[text]:,} word pieces, {most:,} are read: {quoted(text)}"
        for text in cut[:EXAMPLES]
    )
    count = len(file.pairs.texts)
    return Finding(len(cut) / count, f"{len(cut):,} of {count:,} texts of {file.name} are truncated", examples)
