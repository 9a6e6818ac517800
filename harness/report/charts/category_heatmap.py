"""The AUC of each model in each category."""

import math
from typing import Any

import numpy as np

from harness.metrics import GroupResult
from harness.report.cells import value as cell
from harness.report.charts.style import INK, LINE, PLATE, QUIET, WIDTH, Figure, panels, shown
from harness.report.types import DataTable, Report

_MOST_ROWS = 25
_MOST_LEVEL = 4  # names of models beside each other; more of them are turned


def draw(report: Report) -> Figure | None:
    """Draw the AUC per category and model; a category with one label only has none, and is hatched."""
    from matplotlib.patches import Rectangle

    groups = _largest(report)
    if not groups:
        return None
    values = np.array([[group.metrics["auc_roc"] for group in row] for row in groups.values()])
    figure, axes = panels(WIDTH, 1.5 + 0.34 * len(groups))
    image = axes.imshow(np.ma.masked_invalid(values), cmap="PuOr", vmin=0, vmax=1, aspect="auto")
    many = len(report.models) > _MOST_LEVEL
    for (row, column), value in np.ndenumerate(values):
        text, colour, box = f"{value:.2f}", _on(image.cmap(image.norm(value))), None
        if math.isnan(value):
            text, colour, box = _in_words(list(groups.values())[row][column]), INK, PLATE
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fc="white", ec=QUIET, hatch="////", lw=0))
        size = (6 if many else 9) - 2 * (box is not None)
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size, bbox=box)
    turned: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if many else {}
    axes.set_xticks(range(len(report.models)), [shown(model) for model in report.models], **turned)
    counts = [f"({row[0].positives:,} + {row[0].negatives:,})" for row in groups.values()]
    axes.set_yticks(range(len(groups)), [f"{shown(name)}  {n}" for name, n in zip(groups, counts, strict=True)])
    axes.set_ylabel("category (positive + negative pairs)")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    axes.set_xticks(np.arange(len(report.models) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(groups) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
    bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=30)
    bar.set_label("AUC-ROC (0.5 is chance)")
    bar.outline.set_edgecolor(LINE)
    return figure


def table(report: Report) -> DataTable:
    """Return a row for each category of the chart."""
    groups = _largest(report)
    left_out = len(_categories(report)) - len(groups)
    return DataTable(
        headers=("Category", "Positive pairs", "Negative pairs", *report.models),
        rows=tuple(
            (name, f"{row[0].positives:,}", f"{row[0].negatives:,}", *map(_in_words, row))
            for name, row in groups.items()
        ),
        note="AUC-ROC." + (f" {left_out:,} smaller categories are not shown." if left_out else ""),
    )


def _categories(report: Report) -> dict[str, GroupResult]:
    """Return the categories with their counts, which are the same for every model."""
    return next((model.categories for model in report.models.values()), {})


def _largest(report: Report) -> dict[str, list[GroupResult]]:
    """Return each model's values in the categories to show, by name: where there are too many, the largest ones."""
    categories = _categories(report)
    most = sorted(categories, key=lambda name: (-categories[name].count, name))[:_MOST_ROWS]
    return {name: [model.categories[name] for model in report.models.values()] for name in sorted(most)}


def _in_words(group: GroupResult) -> str:
    auc, one_label = group.metrics["auc_roc"], not (group.positives and group.negatives)
    return "one label" if one_label and math.isnan(auc) else cell(auc)


def _on(colour: Any) -> str:
    """Return ink or white, whichever has more contrast on a colour (relative luminance as in WCAG)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    return INK if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.2 else "white"
