"""The effect size of each model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.report.cells import value as cell
from harness.report.charts.style import INK, WIDTH, panels, short, shown
from harness.report.types import DataTable
from harness.text import number as worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.report.types import Report


def draw(report: Report) -> Figure | None:
    """Draw a bar per model."""
    values = report.values("cohens_d")
    if all(map(math.isnan, values.values())):
        return None
    figure, grid = panels(1, 1, WIDTH, 1.3 + 0.45 * len(values))
    axes = grid[0, 0]
    bars = axes.barh(
        [shown(model) for model in values],
        [0 if math.isnan(value) else value for value in values.values()],
        color=[report.colours[model] for model in values],
    )
    axes.bar_label(bars, ["undefined" if math.isnan(v) else short(v) for v in values.values()], padding=4)
    axes.invert_yaxis()
    axes.axvline(0, color=INK, linewidth=1)
    axes.margins(x=0.15)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Cohen's d (pooled standard deviations)")
    return figure


def alt(report: Report) -> str:
    """Return the effect size of each model."""
    sizes = ", ".join(f"{model} {worded(value)}" for model, value in report.values("cohens_d").items())
    return f"{sizes} standard deviations between positive and negative scores."


def table(report: Report) -> DataTable:
    """Return a row for each model."""
    values = report.values("cohens_d")
    return DataTable(("Model", "Cohen's d"), tuple((model, cell(value)) for model, value in values.items()))
