"""Each pair under each model: right or wrong, regressed or fixed; the wrong ones worst first, and as a spreadsheet."""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.execution import write_whole
from harness.report.types import Report
from harness.text import in_html

# Where a reader with another separator than ours begins a cell, whose beginning is a formula's.
_FORMULA = re.compile(r"(^|[;|\t\r\n])([^\S\t\r\n]*)(?=[=+@-])")

KINDS = {0: "false positive", 1: "false negative"}
"""Label of a wrong pair -> its name."""


@dataclass(frozen=True)
class PairOutcomes:
    """One model's scores at its best-F1 threshold. Arrays have an entry a pair, in the order of the file.

    Attributes:
        threshold: A pair counts as positive when its score reaches it; NaN where undefined.
        degenerate: Whether calling every pair positive is as good.
        scores: Scores now.
        stored: Stored scores; all NaN where none is comparable.
        wrong: Whether the threshold is on the wrong side of the score; never where either is undefined.
        regressed: Wrong now, and right under the stored model at the threshold of its own.
        fixed: Right now, and wrong under the stored model at the threshold of its own.
    """

    threshold: float
    degenerate: bool
    scores: NDArray[np.float64]
    stored: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    regressed: NDArray[np.bool_]
    fixed: NDArray[np.bool_]

    @property
    def comparable(self) -> bool:
        """True if any score is stored."""
        return bool(np.isfinite(self.stored).any())

    def since(self, row: int) -> str:
        """Return what became of a pair since the baseline was stored, in words."""
        if math.isnan(self.stored[row]):
            return "not comparable"
        return "regressed" if self.regressed[row] else "fixed" if self.fixed[row] else "as stored"


def pair_outcomes(report: Report) -> dict[str, PairOutcomes]:
    """Return the outcomes under each measured model."""
    found = {}
    for model, entry in report.models.items():
        scores, details = report.scores[model], entry.metrics["best_f1"].details
        threshold = float(details.get("threshold", math.nan))
        stored = report.pairs.stored_scores.get(model)
        known = np.isfinite(scores) & math.isfinite(threshold)
        regressed, fixed = np.zeros((2, len(scores)), dtype=np.bool_)
        regressed[[pair.row for pair in entry.regressed]] = True
        fixed[list(entry.fixed)] = True
        found[model] = PairOutcomes(
            threshold=threshold,
            degenerate=bool(details.get("degenerate")),
            scores=scores,
            stored=np.full(len(scores), math.nan) if stored is None else np.array(stored, dtype=np.float64),
            wrong=known & ((scores >= threshold) != (report.labels == 1)),
            regressed=regressed,
            fixed=fixed,
        )
    return found


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


def fixed_pairs(outcomes: Mapping[str, PairOutcomes]) -> list[int]:
    """Return the rows of the pairs that were wrong under a stored model, and are right under every model now."""
    if not outcomes:
        return []
    fixed, wrong = (np.array([getattr(found, name) for found in outcomes.values()]) for name in ("fixed", "wrong"))
    rows: list[int] = np.flatnonzero(fixed.any(axis=0) & ~wrong.any(axis=0)).tolist()
    return rows


def errors_file(case: str) -> str:
    """Return the name of the file beside the report that holds every wrong pair of a case, and every fixed one."""
    return f"errors-{case}.csv"


def errors_csv(report: Report) -> str:
    """Return every wrong pair as CSV, the worst first, then those that were fixed since the baseline.

    Texts cannot become formulas of a spreadsheet.
    """
    outcomes, pairs = pair_outcomes(report), report.pairs
    names = ("text_1", "text_2", "label", "pair_type", "category", "subcategory")
    columns = ("score", "error", "stored_score", "since_baseline")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow([*names, *(_harmless(f"{model}_{column}") for model in outcomes for column in columns)])
    for row in (*wrong_pairs(report, outcomes), *fixed_pairs(outcomes)):
        cells = [_harmless(str(getattr(pairs, name)[row])) for name in names]
        for found in outcomes.values():
            kind = KINDS[pairs.label[row]] if found.wrong[row] else ""
            cells += [digits(found.scores[row]), kind, digits(found.stored[row]), found.since(row)]
        writer.writerow(cells)
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
    clean = _FORMULA.sub(r"\1'\2", in_html(text))
    return "'" + clean if clean.startswith(("\t", "\r")) else clean
