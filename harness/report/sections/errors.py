"""The pairs that a model gets wrong, the worst first, and those that regressed or were fixed since the baseline."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.report import cells
from harness.report.errors import KINDS, PairOutcomes, digits, errors_file, pair_outcomes, wrong_pairs
from harness.report.types import Report
from harness.results import ModelEntry
from harness.text import cut, sentence

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
    return {
        "rows": shown,
        "pair_types": sorted({row["pair_type"] for row in shown} - {""}),
        "count": f"{len(rows):,}",
        "pairs": f"{len(report.pairs):,}",
        "more": f"{len(rows) - MOST_ROWS:,}" if len(rows) > MOST_ROWS else "",
        "file": errors_file(report.name),
        "incomparable": sentence(f"The scores are not compared with stored ones: {why}") if why else "",
        "models": [cells.model(report, name) | _model(found) for name, found in outcomes.items()],
    }


def regressed(report: Report) -> list[dict[str, Any]]:
    """Return the models under which any pair regressed or was fixed."""
    return [
        {"model": cells.model(report, name)} | _since(report, model)
        for name, model in report.models.items()
        if model.regressed or model.fixed
    ]


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
    error = KINDS[report.pairs.label[row]]
    judged = [(found.scores[row], error if found.wrong[row] else "") for found in outcomes.values()]
    became = {model: found.since(row) for model, found in outcomes.items()}
    since = [
        f"{word}: {', '.join(model for model, what in became.items() if what == word)}"
        for word in ("regressed", "fixed")
        if word in became.values()
    ]
    unchanged = "as stored" if "as stored" in became.values() else "not comparable"
    return cells.pair(report, row) | {
        "wrong": [model for model, found in outcomes.items() if found.wrong[row]],
        "cells": [{"score": cells.value(score), "value": digits(score), "kind": kind} for score, kind in judged],
        "since": "; ".join(since) or unchanged,
    }


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
                "pair_type": cut(kind[0])[0],
                "category": cut(kind[1])[0],
                "regressed": f"{regressed[kind]:,}",
                "fixed": f"{fixed[kind]:,}",
            }
            for kind in sorted(regressed | fixed, key=lambda kind: (-regressed[kind], fixed[kind], kind))
            if any(kind)
        ],
        "count": f"{len(model.regressed):,}",
        "pairs": [
            cells.pair(report, pair.row) | {"stored": cells.value(pair.stored), "now": cells.value(pair.now)}
            for pair in model.regressed
        ],
    }
