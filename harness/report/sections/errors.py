"""The pairs that a model gets wrong, the worst first, and those that regressed or were fixed since the baseline."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.report import cells
from harness.report.errors import KINDS, PairOutcomes, digits, errors_file, pair_outcomes, wrong_pairs
from harness.report.types import Report
from harness.results import ModelEntry
from harness.text import sentence

MOST_ROWS = 200
"""Wrong pairs that the page shows; the CSV file has all of them."""


def errors(report: Report) -> dict[str, Any]:
    """Return the worst pairs, and each model's threshold and counts."""
    outcomes = pair_outcomes(report)
    if not outcomes:
        return {}
    rows = wrong_pairs(report, outcomes)
    shown = [_row(report, outcomes, row) for row in rows[:MOST_ROWS]]
    why = report.case.incomparable
    chips = cells.models(report, outcomes)
    return {
        "rows": shown,
        "pair_types": sorted({row["pair_type"] for row in shown}),
        "count": f"{len(rows):,}",
        "pairs": f"{len(report.pairs):,}",
        "more": f"{len(rows) - MOST_ROWS:,}" if len(rows) > MOST_ROWS else "",
        "file": errors_file(report.name),
        "incomparable": sentence(f"The scores are not compared with stored ones: {why}") if why else "",
        "models": [chip | _model(found) for chip, found in zip(chips, outcomes.values(), strict=True)],
    }


def regressed(report: Report) -> list[dict[str, Any]]:
    """Return the models under which any pair regressed or was fixed."""
    changed = {name: model for name, model in report.models.items() if model.regressed or model.fixed}
    chips = cells.models(report, changed)
    return [{"model": chip} | _since(report, model) for chip, model in zip(chips, changed.values(), strict=True)]


def _model(found: PairOutcomes) -> dict[str, Any]:
    return {
        "threshold": cells.value(found.threshold),
        "degenerate": found.degenerate,
        "count": f"{np.count_nonzero(found.wrong):,}",
        "comparable": found.comparable,
        "regressed": f"{np.count_nonzero(found.regressed):,}",
        "fixed": f"{np.count_nonzero(found.fixed):,}",
    }


def _row(report: Report, outcomes: Mapping[str, PairOutcomes], row: int) -> dict[str, Any]:
    label = report.pairs.label[row]
    became = {model: found.since(row) for model, found in outcomes.items()}
    since = [
        f"{word}: {', '.join(model for model, what in became.items() if what == word)}"
        for word in ("regressed", "fixed")
        if word in became.values()
    ]
    unchanged = "as stored" if "as stored" in became.values() else "not comparable"
    return cells.pair(report, row) | {
        "wrong": [model for model, found in outcomes.items() if found.wrong[row]],
        "cells": [_cell(found.scores[row], KINDS[label] if found.wrong[row] else "") for found in outcomes.values()],
        "since": "; ".join(since) or unchanged,
    }


def _cell(score: float, kind: str) -> dict[str, str]:
    return {"score": cells.value(score), "value": digits(score), "kind": kind}


def _since(report: Report, model: ModelEntry) -> dict[str, Any]:
    kinds = list(zip(report.pairs.pair_type, report.pairs.category, strict=True))
    regressed = Counter(kinds[pair.row] for pair in model.regressed)
    fixed = Counter(kinds[row] for row in model.fixed)
    were, are = ("pair was", "is") if len(model.regressed) == 1 else ("pairs were", "are")
    return {
        "sentence": f"{len(model.regressed):,} {were} right when the baseline was stored and {are} wrong now, "
        f"{len(model.fixed):,} the reverse.",
        "groups": [
            {
                "pair_type": cells.text(kind[0]),
                "category": cells.text(kind[1]),
                "regressed": f"{regressed[kind]:,}",
                "fixed": f"{fixed[kind]:,}",
            }
            for kind in sorted(regressed | fixed, key=lambda kind: (-regressed[kind], fixed[kind], kind))
        ],
        "count": f"{len(model.regressed):,}",
        "pairs": [
            cells.pair(report, pair.row) | {"stored": cells.value(pair.stored), "now": cells.value(pair.now)}
            for pair in model.regressed
        ],
    }
