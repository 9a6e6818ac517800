"""The change of each pair since the stored baseline."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.report.charts.style import (
    INK,
    LINE,
    PANEL,
    PANELS,
    QUIET,
    Axes,
    Figure,
    evenly,
    label_marks,
    legend_below,
    model_grid,
    shown,
)
from harness.report.errors import PairOutcomes, pair_outcomes
from harness.report.types import DataTable, Report
from harness.text import sentence

_MOST_POINTS = 500  # of each kind in a panel: more would only cover each other, and make the file heavy


def draw(report: Report) -> Figure | None:
    """Draw a panel per model on one scale: the stored score across, the score now upwards, changed pairs marked."""
    outcomes = _comparable(report)
    if not outcomes:
        return None
    every = np.concatenate([part for j in outcomes.values() for part in (j.scores, j.stored)])
    every = every[np.isfinite(every)]
    if not every.size:
        return None
    margin = 0.04 * float(np.ptp(every)) or 0.1
    limits = (float(every.min()) - margin, float(every.max()) + margin)
    figure, panels = model_grid(
        len(outcomes),
        PANEL,
        PANEL + 0.3,
        columns=PANELS,
        labels=("stored score (cosine)", "score now (cosine)"),
        more=0.8,
    )
    for axes, (model, found) in zip(panels, outcomes.items(), strict=True):
        _panel(axes, found, report.labels)
        regressed, fixed = (np.count_nonzero(rows) for rows in (found.regressed, found.fixed))
        axes.set_title(f"{shown(model)}: {regressed:,} regressed, {fixed:,} fixed")
        axes.set(xlim=limits, ylim=limits, aspect="equal")
    legend_below(figure, columns=3)
    return figure


def table(report: Report) -> DataTable:
    """Return a row for each model."""
    rows = []
    for model, found in _comparable(report).items():
        known, changed = _known(found), found.regressed | found.fixed
        moves = (found.scores - found.stored)[known]
        counts = [known, known & ~found.wrong & ~changed, known & found.wrong & ~changed, found.regressed, found.fixed]
        extremes = (max(0.0, -moves.min()), max(0.0, moves.max())) if moves.size else (0.0, 0.0)
        rows.append((model, *(f"{np.count_nonzero(c):,}" for c in counts), *(f"{value:.3f}" for value in extremes)))
    return DataTable(
        headers=(
            *("Model", "Pairs", "Right as stored", "Wrong as stored", "Regressed", "Fixed"),
            *("Largest fall", "Largest rise"),
        ),
        rows=tuple(rows),
        note="Scores now are judged at their best-F1 threshold, which is drawn, stored ones at theirs, which is not.",
    )


def empty(report: Report) -> str:
    """Return why there is no picture; empty where there is one, or where nothing was measured at all."""
    if not report.models or _comparable(report):
        return ""
    why = report.case.incomparable or "the stored baseline holds no scores of these models"
    return sentence(f"The scores are not compared with stored ones: {why}")


def _panel(axes: Axes, found: PairOutcomes, labels: NDArray[np.int64]) -> None:
    axes.axline((0, 0), slope=1, color=QUIET, linestyle=":", linewidth=1, label="as stored")
    if np.isfinite(found.threshold):
        axes.axhline(found.threshold, color=INK, linestyle="--", linewidth=0.9, label="best-F1 threshold now")
    unchanged = _known(found) & ~found.regressed & ~found.fixed
    for label, style in label_marks(14, 0.6, "{}, unchanged"):
        rows = _thinned(unchanged & (labels == label))
        axes.scatter(found.stored[rows], found.scores[rows], **style)
    regressed: dict[str, Any] = {"marker": "v", "facecolor": INK, "edgecolor": LINE, "label": "regressed"}
    fixed: dict[str, Any] = {"marker": "^", "facecolor": "white", "edgecolor": INK, "label": "fixed"}
    for chosen, style in ((found.regressed, regressed), (found.fixed, fixed)):
        rows = _thinned(chosen)
        axes.scatter(found.stored[rows], found.scores[rows], s=46, zorder=3, **style)


def _comparable(report: Report) -> dict[str, PairOutcomes]:
    return {model: found for model, found in pair_outcomes(report).items() if found.comparable}


def _known(found: PairOutcomes) -> NDArray[np.bool_]:
    """Return the pairs with a score now and then."""
    return np.isfinite(found.scores) & np.isfinite(found.stored)


def _thinned(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    rows = np.flatnonzero(chosen)
    return rows[evenly(len(rows), _MOST_POINTS)]
