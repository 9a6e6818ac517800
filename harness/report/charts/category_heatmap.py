"""The AUC of each model in each category."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.report.cells import value as cell
from harness.report.charts.style import INK, LINE, PLATE, QUIET, WIDTH, panels, shown
from harness.report.types import DataTable
from harness.text import number as worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.metrics import GroupResult
    from harness.report.types import Report

_MOST_ROWS = 25


def draw(report: Report) -> Figure | None:
    """Draw the AUC per category and model; a category with one label only has none, and is hatched."""
    from matplotlib.patches import Rectangle

    models, rows = list(report.models), _largest(report)
    if not rows:
        return None
    values = np.array([[_auc(_group(report, model, row)) for model in models] for row in rows])
    figure, grid = panels(1, 1, WIDTH, 1.5 + 0.34 * len(rows))
    axes = grid[0, 0]
    image = axes.imshow(np.ma.masked_invalid(values), cmap="PuOr", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if math.isnan(value):
            axes.add_patch(
                Rectangle(
                    (column - 0.5, row - 0.5), 1, 1, facecolor="white", edgecolor=QUIET, hatch="////", linewidth=0
                )
            )
        text = _cell(_group(report, models[column], rows[row]))
        colour = INK if math.isnan(value) else _on(image.cmap(image.norm(value)))
        box = PLATE if math.isnan(value) else None
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9, bbox=box)
    axes.set_xticks(range(len(models)), [shown(model) for model in models])
    axes.set_yticks(range(len(rows)), [f"{shown(row)}  {_counts(_group(report, models[0], row))}" for row in rows])
    axes.set_ylabel("category (positive + negative pairs)")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    axes.set_xticks(np.arange(len(models) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
    bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=30)
    bar.set_label("AUC-ROC (0.5 is chance)")
    bar.outline.set_edgecolor(LINE)
    return figure


def alt(report: Report) -> str:
    """Return the AUC of each category and model, with counts."""
    parts = []
    for row in _largest(report):
        cells = ", ".join(f"{model} {worded(_auc(_group(report, model, row)))}" for model in report.models)
        group = _group(report, next(iter(report.models)), row)
        parts.append(f"{row} ({group.positives} positive, {group.negatives} negative): {cells}")
    left_out = len(_categories(report)) - len(parts)
    return "; ".join(parts) + "." + (f" {left_out} smaller categories are not shown." if left_out > 0 else "")


def table(report: Report) -> DataTable:
    """Return a row for each category of the chart."""
    rows, left_out = _largest(report), len(_categories(report)) - len(_largest(report))
    counts = _categories(report)
    return DataTable(
        headers=("Category", "Positive pairs", "Negative pairs", *report.models),
        rows=tuple(
            (
                row,
                f"{counts[row].positives:,}",
                f"{counts[row].negatives:,}",
                *(_in_words(_group(report, model, row)) for model in report.models),
            )
            for row in rows
        ),
        note="AUC-ROC." + (f" {left_out:,} smaller categories are not shown." if left_out else ""),
    )


def _categories(report: Report) -> dict[str, GroupResult]:
    """Return the categories with their counts, which are the same for every model."""
    return next((model.categories for model in report.models.values()), {})


def _largest(report: Report) -> list[str]:
    """Return the categories to show, by name; where there are too many, those with the most pairs."""
    categories = _categories(report)
    most = sorted(categories, key=lambda name: (-categories[name].count, name))[:_MOST_ROWS]
    return sorted(most)


def _group(report: Report, model: str, category: str) -> GroupResult:
    return report.models[model].categories[category]


def _auc(group: GroupResult) -> float:
    return group.metrics["auc_roc"]


def _cell(group: GroupResult) -> str:
    return _in_words(group) if math.isnan(_auc(group)) else f"{_auc(group):.2f}"


def _in_words(group: GroupResult) -> str:
    one_label = not (group.positives and group.negatives)
    return "one label" if one_label and math.isnan(_auc(group)) else cell(_auc(group))


def _on(colour: tuple[float, ...]) -> str:
    """Return ink or white, whichever has more contrast on a colour (relative luminance as in WCAG)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    return INK if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.2 else "white"


def _counts(group: GroupResult) -> str:
    return f"({group.positives:,} + {group.negatives:,})"
