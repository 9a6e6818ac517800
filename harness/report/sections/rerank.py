"""Models with a second stage: the decisions it changes, by pair type as well, and the time it takes."""

import math
from collections.abc import Iterator
from typing import Any

from harness.report import cells
from harness.report.types import Report
from harness.results import RerankEntry
from harness.statistics import BeforeAfter, Confusion
from harness.text import MINUS, cut, number, percent

Cell = tuple[str, str]
"""Words of a cell, and what stands small below them."""


def rerank(report: Report) -> dict[str, Any]:
    """Return a row for each model, and one for each pair type of a model; empty where the case has no second stage."""
    found = {name: entry for name, entry in report.case.rerank.items() if name in report.models}
    if not found:
        return {}
    one = next(iter(found.values()))
    rows = {name: _properties(entry, report.case.pairs) for name, entry in found.items()}
    return {
        "line": "; ".join(f"{name}: {_line(entry)}" for name, entry in found.items()),
        "teacher": one.teacher,
        "share": percent(one.share),
        "reasons": [f"{name}: {entry.value.band.reason}." for name, entry in found.items() if entry.value.band.reason],
        "titles": list(next(iter(rows.values()))),
        "rows": [(cells.model(report, name), list(row.values())) for name, row in rows.items()],
        "pair_types": [
            (cells.model(report, name), cut(pair_type)[0], *counts)
            for name, entry in found.items()
            for pair_type, counts in _pair_types(entry)
        ],
    }


def _line(entry: RerankEntry) -> str:
    change = entry.value.accuracy.change
    return "undefined" if math.isnan(change) else f"accuracy {cells.change(change)}"


def _properties(entry: RerankEntry, pairs: int) -> dict[str, Cell]:
    found = entry.value
    before, after, band = found.before, found.after, found.band
    share = found.rescored / pairs
    stage = share * entry.teacher_ms  # milliseconds a pair, which are seconds for a thousand
    return {
        "Rescored": (
            f"{_count(found.rescored)} pairs, {cells.ratio(share)}",
            f"{cells.value(band.low)} to {cells.value(band.high)}",
        ),
        "Accuracy": _change(found.accuracy),
        "F1": _change(found.f1),
        "False positives": (_both(before.fp, after.fp), f"true negatives {_both(before.tn, after.tn)}"),
        "False negatives": (_both(before.fn, after.fn), f"true positives {_both(before.tp, after.tp)}"),
        "Changed": (f"{len(found.fixed):,} fixed", f"{len(found.regressed):,} regressed"),
        "A pair": (f"{entry.model_ms:.2f} ms", f"cross-encoder {entry.teacher_ms:.2f} ms"),
        "1,000 pairs": (
            f"{_seconds(entry.model_ms)} → {_seconds(entry.model_ms + stage)}",
            f"all rescored {_seconds(entry.model_ms + entry.teacher_ms)}",
        ),
    }


def _change(of: BeforeAfter) -> Cell:
    return f"{cells.value(of.before)} → {cells.value(of.after)}", f"{cells.change(of.change)}, {_ends(of)}"


def _ends(of: BeforeAfter) -> str:
    if of.interval.reason:
        return of.interval.reason
    return f"{cells.change(of.interval.low)} to {cells.change(of.interval.high)}"


def _pair_types(entry: RerankEntry) -> Iterator[tuple[str, tuple[str, str, str]]]:
    for name, (before, after) in entry.value.pair_types.items():
        yield name, (_count(_pairs(before)), _both(before.fp, after.fp), _both(before.fn, after.fn))


def _pairs(of: Confusion) -> float:
    return of.tp + of.fp + of.fn + of.tn


def _both(before: float, after: float) -> str:
    return f"{_count(before)} → {_count(after)}"


def _count(amount: float) -> str:
    return number(amount, "pairs", minus=MINUS)


def _seconds(amount: float) -> str:
    return "none" if math.isnan(amount) else f"{amount:.2f} s"
