"""The pairs that a model gets wrong, the worst first, and those that regressed or were fixed since the baseline."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np

from harness.report import cells
from harness.report.errors import KINDS, PairOutcomes, digits, errors_file, pair_outcomes, wrong_pairs
from harness.report.types import Report
from harness.results import ModelEntry
from harness.text import count, cut, sentence

MOST_ROWS = 200
"""Wrong pairs that the page shows; the CSV file has all of them."""

MOST_FLIPS = 20
"""Regressed pairs that the page shows, and fixed ones; the CSV file has all of them."""

_WORST = 3  # regressed pairs beside the answer


def errors(report: Report) -> dict[str, Any]:
    """Return the worst pairs, and each model's threshold and counts."""
    outcomes = pair_outcomes(report)
    if not outcomes:
        return {}
    rows = wrong_pairs(report, outcomes)
    shown = [_row(report, outcomes, row) for row in rows[:MOST_ROWS]]
    why = report.case.incomparable
    counts = ", ".join(f"{name} {np.count_nonzero(found.wrong):,}" for name, found in outcomes.items())
    return {
        "line": f"{len(rows):,} of {count(len(report.pairs), 'pair')} under at least one model: {counts}",
        "rows": shown,
        "pair_types": sorted({row["pair_type"] for row in shown} - {""}),
        "count": f"{len(rows):,}",
        "pairs": f"{len(report.pairs):,}",
        "more": f"{len(rows) - MOST_ROWS:,}" if len(rows) > MOST_ROWS else "",
        "file": errors_file(report.name),
        "incomparable": sentence(f"The scores are not compared with stored ones: {why}") if why else "",
        "models": [cells.model(report, name) | _model(found) for name, found in outcomes.items()],
    }


def regressed(report: Report) -> dict[str, Any]:
    """Return how many pairs regressed and were fixed under each model and by kind, and the worst; or that none did."""
    changed = {name: model for name, model in report.models.items() if model.regressed or model.fixed}
    if not report.models:
        return {}
    if not changed:
        return {"line": report.case.incomparable or "no pair regressed or was fixed"}
    flips = [*_flips(report, "regressed"), *_flips(report, "fixed")]
    counts = Counter(flip["word"] for flip in flips)
    shown = [flip for word in counts for flip in [f for f in flips if f["word"] == word][:MOST_FLIPS]]
    return {
        "line": f"{counts['regressed']:,} regressed and {counts['fixed']:,} fixed under at least one model",
        "models": [cells.model(report, name) | _counts(model) for name, model in changed.items()],
        "groups": _groups(report),
        "rows": shown,
        "more": f"{len(flips) - len(shown):,}" if len(flips) > len(shown) else "",
        "file": errors_file(report.name),
    }


def worst_regressed(report: Report) -> dict[str, Any]:
    """Return the worst regressed pairs in a few words each, and how many there are besides."""
    flips = _flips(report, "regressed")
    rest = len(flips) - _WORST
    return {"rows": flips[:_WORST], "more": f"{rest:,} more" if rest > 0 else "all of them"} if flips else {}


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


def _counts(model: ModelEntry) -> dict[str, str]:
    return {"regressed": f"{len(model.regressed):,}", "fixed": f"{len(model.fixed):,}"}


def _groups(report: Report) -> list[dict[str, str]]:
    """Return a row for each pair type and category, most regressed first; a pair counts once under each model."""
    kinds = list(zip(report.pairs.pair_type, report.pairs.category, strict=True))
    regressed = Counter(kinds[pair.row] for model in report.models.values() for pair in model.regressed)
    fixed = Counter(kinds[row] for model in report.models.values() for row in model.fixed)
    return [
        {
            "pair_type": cut(kind[0])[0],
            "category": cut(kind[1])[0],
            "regressed": f"{regressed[kind]:,}",
            "fixed": f"{fixed[kind]:,}",
        }
        for kind in sorted(regressed | fixed, key=lambda kind: (-regressed[kind], fixed[kind], kind))
        if any(kind)
    ]


def _flips(report: Report, word: Literal["regressed", "fixed"]) -> list[dict[str, Any]]:
    """Return each pair that regressed, or was fixed, under any model, once; the regressed ones worst first."""
    under: dict[int, dict[str, float]] = {}
    for name, model in report.models.items():
        losses = {p.row: p.loss for p in model.regressed} if word == "regressed" else dict.fromkeys(model.fixed, 0.0)
        for row, loss in losses.items():
            under.setdefault(row, {})[name] = loss
    ordered = sorted(under, key=lambda row: (-max(under[row].values()), -len(under[row]), row))
    return [cells.pair(report, row) | {"word": word, "scores": _moves(report, row, under[row])} for row in ordered]


def _moves(report: Report, row: int, models: Iterable[str]) -> list[tuple[str, str]]:
    """Return each model with the stored score of a pair and that of now."""
    stored, scores = report.pairs.stored_scores, report.scores
    return [
        (name, f"{cells.value(stored[name][row]) if name in stored else 'none'} → {cells.value(scores[name][row])}")
        for name in models
    ]
