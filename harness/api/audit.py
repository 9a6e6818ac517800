"""The audit of two sets of pairs, without a case and without a model."""

from collections.abc import Sequence
from pathlib import Path

from harness.api.pairs import pair_set
from harness.data import PairSet, read_pairs
from harness.data.audit import Audit, AuditData, PairFile, audit

Rows = Sequence[tuple[str, str, int]]
"""Text, text and label of each pair."""


def audit_pairs(train: str | Path | Rows, evaluation: str | Path | Rows, *, prefixes: Sequence[str] = ()) -> Audit:
    """Check pairs to train on and pairs to judge by: leakage, near duplicates, contradictions, balance, shortcuts.

    Args:
        train: The pairs to train on: a file, or text, text and label of each.
        evaluation: The pairs to judge by, likewise.
        prefixes: Beginnings of texts that say nothing, such as "boy: ".

    Returns:
        Every finding by its key in `CHECKS`. Truncated texts are undefined: only a model has a greatest length.

    Raises:
        DataError: A file cannot be read, or a row is no pair.
    """
    known, judged = (
        PairFile(name, _pairs(given), tuple(prefixes)) for name, given in (("train", train), ("eval", evaluation))
    )
    return audit(AuditData(known, judged, {}, None, "no model was given, and only a model has a greatest length"))


def _pairs(given: str | Path | Rows) -> PairSet:
    if isinstance(given, (str, Path)):
        return read_pairs(Path(given))
    rows = list(given)
    return pair_set([label for _, _, label in rows], texts=[(one, other) for one, other, _ in rows])
