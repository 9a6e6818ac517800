"""The false positives of each model by pair type."""

import numpy as np

from harness.report.cells import value as cell
from harness.report.charts.style import WIDTH, Figure, legend_below, panels, shown
from harness.report.types import DataTable, Report

_MOST_ROWS = 25
_NO_TYPE = "no pair type"


def draw(report: Report) -> Figure | None:
    """Draw a group of bars per pair type that has negative pairs, a bar per model."""
    counts = _false_positives(report)
    negatives = dict(list(_negatives(counts).items())[:_MOST_ROWS])
    if not negatives:
        return None
    width = 0.84 / len(counts)
    figure, axes = panels(WIDTH, max(3.0, 1.2 + len(negatives) * (0.24 + 0.15 * len(counts))))
    for index, (model, by_type) in enumerate(counts.items()):
        at = np.arange(len(negatives)) + (index - (len(counts) - 1) / 2) * width
        wrong = [by_type[name][0] for name in negatives]
        bars = axes.barh(at, wrong, width * 0.94, color=report.colours[model], label=shown(model))
        axes.bar_label(bars, [f"{count:,}" for count in wrong], padding=3, fontsize=8)
    names = [f"{shown(name or _NO_TYPE)}\n(of {count:,})" for name, count in negatives.items()]
    axes.set_yticks(range(len(negatives)), names)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("false positives (pairs)")
    axes.set_ylabel("pair type (of how many negative pairs)")
    legend_below(figure)
    return figure


def table(report: Report) -> DataTable:
    """Return a row for each pair type that has negative pairs, after their sum."""
    counts = _false_positives(report)
    negatives, values = _negatives(counts), report.values("false_positives")
    every = ("all", f"{sum(negatives.values()):,}", *(cell(value, "pairs") for value in values.values()))
    each = [
        (
            name or _NO_TYPE,
            f"{count:,}",
            *(f"{counts[m][name][0]:,}" if m in counts else "undefined" for m in report.models),
        )
        for name, count in negatives.items()
    ]
    return DataTable(
        headers=("Pair type", "Negative pairs", *report.models),
        rows=(every, *each) if negatives else (),
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


def _negatives(counts: dict[str, dict[str, tuple[int, int]]]) -> dict[str, int]:
    """Return pair type -> negatives, which are the same for every model."""
    return {name: count for name, (_, count) in next(iter(counts.values()), {}).items()}
