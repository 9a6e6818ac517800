"""F1, accuracy, precision and recall of each model at its best-F1 threshold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.report.cells import value as cell
from harness.report.charts.style import INK, WIDTH, grouped_bars, legend_below, panels, share_axis, shared_detail
from harness.report.types import DataTable
from harness.text import number as worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.report.types import Report

_CLASSIFICATION = ("accuracy", "precision", "recall")
_NO_SKILL = "F1 of calling every pair positive"


def draw(report: Report) -> Figure | None:
    """Draw four bars per model, and the F1 of the trivial classifier."""
    rows = _classification(report)
    if all(math.isnan(values[0]) for values in rows.values()):
        return None
    figure, grid = panels(1, 1, WIDTH, 3.6)
    axes = grid[0, 0]
    grouped_bars(axes, ["F1", *_CLASSIFICATION], rows, report.colours)
    no_skill = _no_skill(report)
    if not math.isnan(no_skill):
        axes.plot([-0.47, 0.47], [no_skill, no_skill], color=INK, linestyle="--", linewidth=1.4)
        axes.set_title(f"dashed: {_NO_SKILL}, {no_skill:.3f}", fontsize=9)
    share_axis(axes, "value at each model's own threshold")
    legend_below(figure)
    return figure


def alt(report: Report) -> str:
    """Return the four values of each model, and the F1 of the trivial classifier."""
    parts = [
        f"{model} F1 {worded(values[0])}, "
        + ", ".join(f"{name} {worded(value)}" for name, value in zip(_CLASSIFICATION, values[1:], strict=True))
        for model, values in _classification(report).items()
    ]
    return "; ".join(parts) + f". {_NO_SKILL}: {worded(_no_skill(report))}."


def table(report: Report) -> DataTable:
    """Return a row for each model."""
    thresholds = {model: details.get("threshold", math.nan) for model, details in report.details("best_f1").items()}
    return DataTable(
        headers=("Model", "Threshold", "F1", "Accuracy", "Precision", "Recall"),
        rows=tuple((m, cell(thresholds[m]), *map(cell, values)) for m, values in _classification(report).items()),
        note=f"{_NO_SKILL}: {cell(_no_skill(report))}.",
    )


def _classification(report: Report) -> dict[str, list[float]]:
    values = report.values("best_f1")
    return {
        model: [values[model], *(details.get(name, math.nan) for name in _CLASSIFICATION)]
        for model, details in report.details("best_f1").items()
    }


def _no_skill(report: Report) -> float:
    return shared_detail(report, "best_f1", "floor")
