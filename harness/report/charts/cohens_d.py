"""The effect size of each model."""

import math

from harness.report.cells import value as cell
from harness.report.charts.style import INK, WIDTH, Figure, panels, short, shown
from harness.report.types import DataTable, Report


def draw(report: Report) -> Figure | None:
    """Draw a bar per model."""
    values = report.values("cohens_d")
    if all(map(math.isnan, values.values())):
        return None
    figure, axes = panels(WIDTH, 1.3 + 0.45 * len(values))
    lengths = [0 if math.isnan(value) else value for value in values.values()]
    bars = axes.barh([shown(model) for model in values], lengths, color=[report.colours[model] for model in values])
    axes.bar_label(bars, ["undefined" if math.isnan(v) else short(v) for v in values.values()], padding=4)
    axes.invert_yaxis()
    axes.axvline(0, color=INK, linewidth=1)
    axes.margins(x=0.15)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Cohen's d (pooled standard deviations)")
    return figure


def table(report: Report) -> DataTable:
    """Return a row for each model."""
    values = report.values("cohens_d")
    return DataTable(("Model", "Cohen's d"), tuple((model, cell(value)) for model, value in values.items()))
