"""F1, accuracy, precision and recall of each model at its best-F1 threshold."""

from harness.report.cells import value as cell
from harness.report.charts.style import Figure, fraction_bars
from harness.report.types import DataTable, Report

_DETAILS = ("accuracy", "precision", "recall")
_NO_SKILL = "F1 of calling every pair positive"


def draw(report: Report) -> Figure | None:
    """Draw four bars per model, and the F1 of the trivial classifier."""
    return fraction_bars(
        report,
        report.numbers("best_f1", *_DETAILS),
        groups=("F1", *_DETAILS),
        label="value at each model's own threshold",
        no_skill=report.shared_detail("best_f1", "floor"),
        no_skill_words=_NO_SKILL,
        compared=1,
    )


def table(report: Report) -> DataTable:
    """Return a row for each model."""
    rows = report.numbers("best_f1", *_DETAILS, "threshold").items()
    return DataTable(
        headers=("Model", "Threshold", "F1", "Accuracy", "Precision", "Recall"),
        rows=tuple((model, *map(cell, (threshold, *values))) for model, (*values, threshold) in rows),
        note=f"{_NO_SKILL}: {cell(report.shared_detail('best_f1', 'floor'))}.",
    )
