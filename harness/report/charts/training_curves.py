"""Each training, epoch by epoch."""

import math

from harness.config import BASE
from harness.report.cells import value as cell
from harness.report.charts.style import WIDTH, Figure, legend_below, over_epochs, panel_grid, shown
from harness.report.types import DataTable, Report
from harness.training import EpochPoint

_PANELS = {"spearman": "Spearman correlation on the evaluation pairs", "loss": "training loss (mean of the epoch)"}


def draw(report: Report) -> Figure | None:
    """Draw Spearman and loss per epoch, a line per trained model, and the base's Spearman to start from."""
    curves = _curves(report)
    if not curves:
        return None
    figure, grid = panel_grid(2, 1, WIDTH, 4.8, sharex=True)
    for axes, (key, label) in zip(grid[:, 0], _PANELS.items(), strict=True):
        for model, curve in curves.items():
            epochs, values = [point.epoch for point in curve], [getattr(point, key) for point in curve]
            axes.plot(epochs, values, color=report.colours[model], marker="o", linewidth=2, label=shown(model))
        axes.set_title(label)
    base = _base(report)
    if not math.isnan(base):
        label = f"{BASE}, untrained: {base:.3f}"
        grid[0, 0].axhline(base, color=report.colours[BASE], linestyle="--", linewidth=1.4, label=label)
    grid[1, 0].set_ylim(bottom=0)
    over_epochs(grid[1, 0])
    legend_below(figure)
    return figure


def table(report: Report) -> DataTable:
    """Return a row for each epoch of each model."""
    return DataTable(
        headers=("Model", "Epoch", "Spearman correlation", "Training loss"),
        rows=tuple(
            (model, f"{point.epoch:,}", cell(point.spearman), cell(point.loss))
            for model, curve in _curves(report).items()
            for point in curve
        ),
        note=f"Spearman correlation of the untrained {BASE}: {cell(_base(report))}.",
    )


def _curves(report: Report) -> dict[str, tuple[EpochPoint, ...]]:
    trainings = {name: model.training for name, model in report.models.items()}
    return {name: training.curve for name, training in trainings.items() if training and training.curve}


def _base(report: Report) -> float:
    return report.values("spearman").get(BASE, math.nan)
