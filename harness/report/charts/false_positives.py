"""The false positives of each model by pair type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.report.cells import value as cell
from harness.report.charts.style import WIDTH, legend_below, panels, shown
from harness.report.types import DataTable
from harness.text import number as worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.report.types import Report

_MOST_ROWS = 25


def draw(report: Report) -> Figure | None:
    """Draw a group of bars per pair type that has negative pairs, a bar per model."""
    counts = _false_positives(report)
    types = list(next(iter(counts.values()), {}))[:_MOST_ROWS]
    if not types:
        return None
    width = 0.84 / len(counts)
    figure, grid = panels(1, 1, WIDTH, 1.4 + len(types) * (0.24 + 0.15 * len(counts)))
    axes = grid[0, 0]
    for index, (model, by_type) in enumerate(counts.items()):
        at = np.arange(len(types)) + (index - (len(counts) - 1) / 2) * width
        wrong = [by_type[name][0] for name in types]
        bars = axes.barh(at, wrong, width * 0.94, color=report.colours[model], label=shown(model))
        axes.bar_label(bars, [f"{count:,}" for count in wrong], padding=3, fontsize=8)
    negatives = next(iter(counts.values()))
    axes.set_yticks(range(len(types)), [f"{shown(name)}\n(of {negatives[name][1]:,})" for name in types])
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("false positives (pairs)")
    axes.set_ylabel("pair type (of how many negative pairs)")
    legend_below(figure)
    return figure


def alt(report: Report) -> str:
    """Return the count of each pair type and model."""
    parts, values = [], report.values("false_positives")
    for model in report.models:
        by_type = _false_positives(report).get(model, {})
        cells = ", ".join(f"{name} {wrong} of {negatives}" for name, (wrong, negatives) in by_type.items())
        value = values[model]
        parts.append(f"{model} {worded(value, 'pairs')} in all" + (f": {cells}" if cells else ""))
    return "; ".join(parts) + "."


def table(report: Report) -> DataTable:
    """Return a row for each pair type that has negative pairs, after their sum."""
    counts = _false_positives(report)
    types = next(iter(counts.values()), {})
    values = report.values("false_positives")
    every = ("all", f"{sum(n for _, n in types.values()):,}", *(cell(value, "pairs") for value in values.values()))
    each = [
        (name, f"{n:,}", *(f"{counts[m][name][0]:,}" if m in counts else "undefined" for m in report.models))
        for name, (_, n) in types.items()
    ]
    return DataTable(
        headers=("Pair type", "Negative pairs", *report.models),
        rows=(every, *each) if types else (),
        note="Negative pairs whose score reaches the model's best-F1 threshold.",
    )


def _false_positives(report: Report) -> dict[str, dict[str, tuple[int, int]]]:
    """Return model -> pair type -> false positives and negatives, most negatives first; none without a threshold."""
    counts = {}
    for model, details in report.details("false_positives").items():
        by_type = details.get("by_pair_type", {})
        rows = {name: (cell["false_positives"], cell["negatives"]) for name, cell in by_type.items()}
        if rows:
            counts[model] = dict(sorted(rows.items(), key=lambda row: (-row[1][1], row[0])))
    return counts
