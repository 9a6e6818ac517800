"""Where a model is good and where not: by category, by pair type."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.charts.style import INK, LINE, PLATE, QUIET, WIDTH, cell, legend_below, panels, shown, worded
from harness.report import DataTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.metrics import GroupResult
    from harness.report import CaseReport

_MOST_ROWS = 25


def category_heatmap(report: CaseReport) -> Figure | None:
    """AUC per category and model; a category with one label only has none, and is hatched."""
    from matplotlib.patches import Rectangle

    models, rows = list(report.measured), _largest(report)
    if not rows:
        return None
    values = np.array([[_group(report, model, row).auc_roc for model in models] for row in rows])
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


def category_heatmap_alt(report: CaseReport) -> str:
    """The AUC of each category and model, with counts."""
    parts = []
    for row in _largest(report):
        cells = ", ".join(f"{model} {worded(_group(report, model, row).auc_roc)}" for model in report.measured)
        group = _group(report, next(iter(report.measured)), row)
        parts.append(f"{row} ({group.positives} positive, {group.negatives} negative): {cells}")
    left_out = len(_categories(report)) - len(parts)
    return "; ".join(parts) + "." + (f" {left_out} smaller categories are not shown." if left_out > 0 else "")


def category_heatmap_table(report: CaseReport) -> DataTable:
    """A row for each category of the chart."""
    rows, left_out = _largest(report), len(_categories(report)) - len(_largest(report))
    counts = _categories(report)
    return DataTable(
        headers=("Category", "Positive pairs", "Negative pairs", *report.measured),
        rows=tuple(
            (
                row,
                f"{counts[row].positives:,}",
                f"{counts[row].negatives:,}",
                *(_in_words(_group(report, model, row)) for model in report.measured),
            )
            for row in rows
        ),
        note="AUC-ROC." + (f" {left_out:,} smaller categories are not shown." if left_out else ""),
    )


def false_positives(report: CaseReport) -> Figure | None:
    """A group of bars per pair type that has negative pairs, a bar per model."""
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


def false_positives_alt(report: CaseReport) -> str:
    """The count of each pair type and model."""
    parts = []
    for model in report.measured:
        by_type = _false_positives(report).get(model, {})
        cells = ", ".join(f"{name} {wrong} of {negatives}" for name, (wrong, negatives) in by_type.items())
        value = report.runs[model].evaluation.metrics["false_positives"].value
        parts.append(f"{model} {worded(value, 'pairs')} in all" + (f": {cells}" if cells else ""))
    return "; ".join(parts) + "."


def false_positives_table(report: CaseReport) -> DataTable:
    """A row for each pair type that has negative pairs, after their sum."""
    counts = _false_positives(report)
    types = next(iter(counts.values()), {})
    values = {model: run.evaluation.metrics["false_positives"].value for model, run in report.measured.items()}
    every = ("all", f"{sum(n for _, n in types.values()):,}", *(cell(value, "pairs") for value in values.values()))
    each = [
        (name, f"{n:,}", *(f"{counts[m][name][0]:,}" if m in counts else "undefined" for m in report.measured))
        for name, (_, n) in types.items()
    ]
    return DataTable(
        headers=("Pair type", "Negative pairs", *report.measured),
        rows=(every, *each) if types else (),
        note="Negative pairs whose score reaches the model's best-F1 threshold.",
    )


def _categories(report: CaseReport) -> dict[str, GroupResult]:
    """The categories with their counts, which are the same for every model."""
    return dict(next((run.evaluation.categories for run in report.measured.values()), {}))


def _largest(report: CaseReport) -> list[str]:
    """The categories to show, by name; where there are too many, those with the most pairs."""
    categories = _categories(report)
    most = sorted(categories, key=lambda name: (-categories[name].count, name))[:_MOST_ROWS]
    return sorted(most)


def _group(report: CaseReport, model: str, category: str) -> GroupResult:
    return report.runs[model].evaluation.categories[category]


def _cell(group: GroupResult) -> str:
    return _in_words(group) if math.isnan(group.auc_roc) else f"{group.auc_roc:.2f}"


def _in_words(group: GroupResult) -> str:
    one_label = not (group.positives and group.negatives)
    return "one label" if one_label and math.isnan(group.auc_roc) else cell(group.auc_roc)


def _on(colour: tuple[float, ...]) -> str:
    """Ink or white, whichever has more contrast on a colour (relative luminance as in WCAG)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    return INK if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.2 else "white"


def _counts(group: GroupResult) -> str:
    return f"({group.positives:,} + {group.negatives:,})"


def _false_positives(report: CaseReport) -> dict[str, dict[str, tuple[int, int]]]:
    """Model -> pair type -> false positives and negatives, most negatives first; no models without a threshold."""
    counts = {}
    for model, run in report.measured.items():
        by_type = run.evaluation.metrics["false_positives"].details.get("by_pair_type", {})
        rows = {name: (cell["false_positives"], cell["negatives"]) for name, cell in by_type.items()}
        if rows:
            counts[model] = dict(sorted(rows.items(), key=lambda row: (-row[1][1], row[0])))
    return counts
