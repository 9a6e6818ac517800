"""What changed since the stored baseline, pair by pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.charts.style import (
    INK,
    LABEL_COLOURS,
    LABELS,
    LINE,
    MARKERS,
    PANEL,
    QUIET,
    evenly,
    legend_below,
    panels,
    shown,
)
from harness.report import DataTable, judge_pairs, why_not_comparable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from harness.report import CaseReport, Judgement

_MOST_POINTS = 500  # of each kind in a panel: more would only cover each other, and make the file heavy


def change(report: CaseReport) -> Figure | None:
    """A panel per model on one scale: the stored score across, the score now upwards, flips marked."""
    judged = _comparable(report)
    if not judged:
        return None
    every = np.concatenate([part for j in judged.values() for part in (j.scores, j.before)])
    every = every[np.isfinite(every)]
    if not every.size:
        return None
    margin = 0.04 * float(np.ptp(every)) or 0.1
    limits = (float(every.min()) - margin, float(every.max()) + margin)
    figure, grid = panels(1, len(judged), 0.4 + PANEL * len(judged), 1.5 + PANEL, sharex=True, sharey=True)
    for axes, (model, judgement) in zip(grid[0], judged.items(), strict=True):
        _panel(axes, judgement, report.pairs.labels)
        lost, gained = (np.count_nonzero(flips) for flips in (judgement.lost, judgement.gained))
        axes.set_title(f"{shown(model)}: {lost:,} newly wrong, {gained:,} newly right")
        axes.set(xlim=limits, ylim=limits, aspect="equal", xlabel="stored score (cosine)")
    grid[0, 0].set_ylabel("score now (cosine)")
    legend_below(figure, columns=3)
    return figure


def change_alt(report: CaseReport) -> str:
    """How many pairs flipped under each model."""
    if reason := why_not_compared(report):
        return reason
    parts = []
    for row in change_table(report).rows:
        model, compared, _, wrong, lost, gained, fall, rise = row
        parts.append(
            f"{model}: of {compared} pairs {lost} newly wrong, {gained} newly right, {wrong} wrong as stored; "
            f"largest fall {fall}, largest rise {rise}"
        )
    return "; ".join(parts) + "."


def change_table(report: CaseReport) -> DataTable:
    """A row for each model."""
    rows = []
    for model, judgement in _comparable(report).items():
        moves = (judgement.scores - judgement.before)[_known(judgement)]
        flipped = judgement.lost | judgement.gained
        counts = [
            _known(judgement),
            _known(judgement) & ~judgement.wrong & ~flipped,
            _known(judgement) & judgement.wrong & ~flipped,
            judgement.lost,
            judgement.gained,
        ]
        extremes = (max(0.0, -moves.min()), max(0.0, moves.max())) if moves.size else (0.0, 0.0)
        rows.append((model, *(f"{np.count_nonzero(c):,}" for c in counts), *(f"{value:.3f}" for value in extremes)))
    return DataTable(
        headers=(
            "Model",
            "Pairs",
            "Right as stored",
            "Wrong as stored",
            "Newly wrong",
            "Newly right",
            "Largest fall",
            "Largest rise",
        ),
        rows=tuple(rows),
        note="Scores now are judged at their best-F1 threshold, which is drawn, stored ones at theirs, which is not.",
    )


def why_not_compared(report: CaseReport) -> str:
    """Why there is no picture; empty where there is one, or where nothing was measured at all."""
    if not report.measured or _comparable(report):
        return ""
    return why_not_comparable(report) or "The stored baseline holds no scores of these models."


def _panel(axes: Axes, judgement: Judgement, labels: NDArray[np.int8]) -> None:
    axes.axline((0, 0), slope=1, color=QUIET, linestyle=":", linewidth=1, label="as stored")
    if np.isfinite(judgement.threshold):
        axes.axhline(judgement.threshold, color=INK, linestyle="--", linewidth=0.9, label="best-F1 threshold now")
    flipped = judgement.lost | judgement.gained
    for label, name in LABELS.items():
        rows = _thinned(_known(judgement) & ~flipped & (labels == label))
        axes.scatter(
            judgement.before[rows],
            judgement.scores[rows],
            s=14,
            marker=MARKERS[label],
            color=LABEL_COLOURS[label],
            alpha=0.6,
            linewidths=0.9 if label == 0 else 0,
            label=f"{name}, no flip",
        )
    for flips, marker, face, name in (
        (judgement.lost, "v", INK, "right then, wrong now"),
        (judgement.gained, "^", "white", "wrong then, right now"),
    ):
        rows = _thinned(flips)
        axes.scatter(
            judgement.before[rows],
            judgement.scores[rows],
            s=46,
            marker=marker,
            facecolor=face,
            edgecolor=INK if face == "white" else LINE,
            zorder=3,
            label=name,
        )


def _comparable(report: CaseReport) -> dict[str, Judgement]:
    return {model: judgement for model, judgement in judge_pairs(report).items() if judgement.comparable}


def _known(judgement: Judgement) -> NDArray[np.bool_]:
    """The pairs with a score now and then."""
    return np.isfinite(judgement.scores) & np.isfinite(judgement.before)


def _thinned(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    rows = np.flatnonzero(chosen)
    return rows[evenly(len(rows), _MOST_POINTS)]
