"""The pairs that a model gets wrong: the worst for the page, and all of them as a spreadsheet."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.report.judgement import judge_pairs, why_not_comparable
from harness.report.words import cut, in_html, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.report.judgement import Judgement
    from harness.report.types import CaseReport

MOST_ROWS = 200
"""How many wrong pairs the page shows; the CSV file has all of them."""

_KIND = {0: "false positive", 1: "false negative"}
"""Label of a wrong pair -> its name."""


def wrong_pairs(report: CaseReport) -> list[int]:
    """The rows of the pairs that are wrong under any model, the worst first.

    The worst is wrong under most models; then comes the largest distance beyond a threshold. What is still equal
    comes in the order of the texts, not of the file.
    """
    return _worst_first(report, judge_pairs(report))


def errors_file(case: str) -> str:
    """The name of the file beside the report that holds every wrong pair of a case."""
    return f"errors-{case}.csv"


def errors_csv(report: CaseReport) -> str:
    """Every wrong pair as CSV, the worst first. Texts cannot become formulas of a spreadsheet."""
    judged = judge_pairs(report)
    columns = [
        column
        for model in judged
        for column in (f"{model}_score", f"{model}_error", f"{model}_stored_score", f"{model}_since_baseline")
    ]
    scores = {model: (j.scores.tolist(), j.before.tolist()) for model, j in judged.items()}
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["text_1", "text_2", "label", "pair_type", "category", "subcategory", *columns])
    for row in _worst_first(report, judged):
        pair = report.pairs.pairs[row]
        cells: list[object] = []
        for model, judgement in judged.items():
            now, before = scores[model]
            error = _KIND[pair.label] if judgement.wrong[row] else ""
            cells += [_number(now[row]), error, _number(before[row]), _since(judgement, row)]
        texts = [_harmless(text) for text in (pair.text_1, pair.text_2)]
        groups = [_harmless(text) for text in (pair.pair_type, pair.category, pair.subcategory)]
        writer.writerow([*texts, pair.label, *groups, *cells])
    return file.getvalue()


def errors_view(report: CaseReport) -> dict[str, Any]:
    """What the page's table of wrong pairs shows, in words."""
    judged = judge_pairs(report)
    rows = _worst_first(report, judged)
    shown = [_row_view(report, judged, row) for row in rows[:MOST_ROWS]]
    return {
        "rows": shown,
        "pair_types": sorted({view["pair_type"] for view in shown}),
        "count": f"{len(rows):,}",
        "pairs": f"{len(report.pairs):,}",
        "more": f"{len(rows) - MOST_ROWS:,}" if len(rows) > MOST_ROWS else "",
        "file": errors_file(report.case.name),
        "incomparable": why_not_comparable(report),
        "models": [
            {
                "name": model,
                "colour": report.colours[model],
                "threshold": plain(judgement.threshold),
                "degenerate": judgement.degenerate,
                "count": f"{np.count_nonzero(judgement.wrong):,}",
                "lost": f"{np.count_nonzero(judgement.lost):,}" if judgement.comparable else "",
                "gained": f"{np.count_nonzero(judgement.gained):,}" if judgement.comparable else "",
            }
            for model, judgement in judged.items()
        ],
    }


def _worst_first(report: CaseReport, judged: Mapping[str, Judgement]) -> list[int]:
    if not judged:
        return []
    wrong = np.array([judgement.wrong for judgement in judged.values()])
    beyond = np.array([np.abs(judgement.scores - judgement.threshold) for judgement in judged.values()])
    models, distance = wrong.sum(axis=0).tolist(), np.where(wrong, beyond, 0).max(axis=0).tolist()
    pairs = report.pairs.pairs
    rows: list[int] = np.flatnonzero(wrong.any(axis=0)).tolist()
    return sorted(rows, key=lambda row: (-models[row], -distance[row], pairs[row].text_1, pairs[row].text_2))


def _row_view(report: CaseReport, judged: Mapping[str, Judgement], row: int) -> dict[str, Any]:
    pair = report.pairs.pairs[row]
    flips = {
        word: [model for model, judgement in judged.items() if _since(judgement, row) == word]
        for word in ("newly wrong", "newly right")
    }
    since = [f"{word}: {', '.join(models)}" for word, models in flips.items() if models]
    return {
        "texts": [cut(text) for text in (pair.text_1, pair.text_2)],
        "label": pair.label,
        "pair_type": cut(pair.pair_type)[0],
        "category": cut(pair.category)[0],
        "wrong": [model for model, judgement in judged.items() if judgement.wrong[row]],
        "cells": [
            {
                "score": plain(float(judgement.scores[row])),
                "value": _number(float(judgement.scores[row])),
                "kind": _KIND[pair.label] if judgement.wrong[row] else "",
            }
            for judgement in judged.values()
        ],
        "since": "; ".join(since) or ("as stored" if any(j.comparable for j in judged.values()) else "not comparable"),
    }


def _since(judgement: Judgement, row: int) -> str:
    """What became of a pair since the baseline was stored."""
    if math.isnan(judgement.before[row]):
        return "not comparable"
    return "newly wrong" if judgement.lost[row] else "newly right" if judgement.gained[row] else "as stored"


def _number(score: float) -> str:
    return "" if math.isnan(score) else f"{score:.6f}"


def _harmless(text: str) -> str:
    """A text that a spreadsheet shows and does not compute, without characters that a file cannot hold."""
    clean = in_html(text)
    return "'" + clean if clean.lstrip().startswith(("=", "+", "-", "@")) or clean.startswith(("\t", "\r")) else clean
