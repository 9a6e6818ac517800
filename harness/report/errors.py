"""The pairs that a model gets wrong, worst first, and all of them as a spreadsheet."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

import numpy as np

from harness.execution import write_whole
from harness.report.outcomes import pair_outcomes
from harness.text import in_html

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from harness.report.outcomes import PairOutcomes
    from harness.report.types import Report

KINDS = {0: "false positive", 1: "false negative"}
"""Label of a wrong pair -> its name."""


def wrong_pairs(report: Report, outcomes: Mapping[str, PairOutcomes]) -> list[int]:
    """Return the rows of the pairs that are wrong under any model, the worst first.

    The worst is wrong under most models; then comes the largest distance beyond a threshold. What is still equal
    comes in the order of the texts, not of the file.
    """
    if not outcomes:
        return []
    wrong = np.array([found.wrong for found in outcomes.values()])
    beyond = np.array([np.abs(found.scores - found.threshold) for found in outcomes.values()])
    models, distance = wrong.sum(axis=0).tolist(), np.where(wrong, beyond, 0).max(axis=0).tolist()
    rows: list[int] = np.flatnonzero(wrong.any(axis=0)).tolist()
    first, second = report.pairs.text_1, report.pairs.text_2
    return sorted(rows, key=lambda row: (-models[row], -distance[row], first[row], second[row]))


def errors_file(case: str) -> str:
    """Return the name of the file beside the report that holds every wrong pair of a case."""
    return f"errors-{case}.csv"


def errors_csv(report: Report) -> str:
    """Return every wrong pair as CSV, the worst first. Texts cannot become formulas of a spreadsheet."""
    outcomes, pairs = pair_outcomes(report), report.pairs
    columns = [
        f"{model}_{column}" for model in outcomes for column in ("score", "error", "stored_score", "since_baseline")
    ]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["text_1", "text_2", "label", "pair_type", "category", "subcategory", *map(_harmless, columns)])
    for row in wrong_pairs(report, outcomes):
        label = pairs.label[row]
        writer.writerow(
            [
                *map(_harmless, (pairs.text_1[row], pairs.text_2[row])),
                label,
                *map(_harmless, (pairs.pair_type[row], pairs.category[row], pairs.subcategory[row])),
                *(
                    cell
                    for found in outcomes.values()
                    for cell in (
                        digits(found.scores[row]),
                        KINDS[label] if found.wrong[row] else "",
                        digits(found.stored[row]),
                        found.since(row),
                    )
                ),
            ]
        )
    return file.getvalue()


def write_errors(directory: Path, reports: Iterable[Report]) -> None:
    """Write the wrong pairs of each case into a directory, that of the report."""
    for report in reports:
        write_whole(directory / errors_file(report.name), errors_csv(report))


def digits(score: float) -> str:
    """Return a score for machines; empty where undefined."""
    return "" if math.isnan(score) else f"{score:.6f}"


def _harmless(text: str) -> str:
    """Return a text that a spreadsheet shows and does not compute, without characters that a file cannot hold."""
    clean = in_html(text)
    return "'" + clean if clean.lstrip().startswith(("=", "+", "-", "@")) or clean.startswith(("\t", "\r")) else clean
