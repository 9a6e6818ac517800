"""The ROC curve of each model."""

from harness.report.cells import value as cell
from harness.report.charts.style import QUIET, WIDTH, Figure, evenly, legend_below, panels, shown
from harness.report.types import DataTable, Report
from harness.text import number

_MOST_POINTS = 20  # of a curve in its table


def draw(report: Report) -> Figure | None:
    """Draw a curve per model, with the diagonal of chance."""
    curves = {name: model.metrics["auc_roc"] for name, model in report.models.items()}
    if not any("fpr" in result.details for result in curves.values()):
        return None
    figure, axes = panels(WIDTH, 4.5)
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", linewidth=1.2, label="chance, AUC 0.500")
    for still_to_come, (model, result) in zip(reversed(range(len(curves))), curves.items(), strict=True):
        axes.plot(
            result.details.get("fpr", []),
            result.details.get("tpr", []),
            color=report.colours[model],
            # A curve that is exactly another one's, as an ignored adapter's is the base's, must not hide it.
            linewidth=min(1.6 + 0.8 * still_to_come, 4),
            label=f"{shown(model)}, AUC {number(result.value)}",
        )
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set_xlabel("false positive rate (fraction of negative pairs)")
    axes.set_ylabel("true positive rate (fraction of positive pairs)")
    legend_below(figure, columns=2)
    return figure


def summary(report: Report) -> str:
    """Return the area of each model."""
    areas = ", ".join(f"{model} {cell(value)}" for model, value in report.values("auc_roc").items())
    return f"Area under the curve, where 0.5 is chance: {areas}."


def table(report: Report) -> DataTable:
    """Return some points of each curve."""
    rows = []
    for model, details in report.details("auc_roc").items():
        fpr, tpr = details.get("fpr", []), details.get("tpr", [])
        rows += [(model, cell(fpr[at]), cell(tpr[at])) for at in evenly(len(fpr), _MOST_POINTS).tolist()]
    headers = ("Model", "False positive rate", "True positive rate")
    return DataTable(headers, tuple(rows), f"At most {_MOST_POINTS} points of each curve.")
