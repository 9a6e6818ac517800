"""How each training went, epoch by epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.case import BASE
from harness.charts.style import WIDTH, cell, legend_below, panels, shown, worded
from harness.report import DataTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from harness.report import CaseReport

_PANELS = {"spearman": "Spearman correlation on the evaluation pairs", "loss": "training loss (mean of the epoch)"}


def training_curves(report: CaseReport) -> Figure | None:
    """Spearman and loss per epoch, a line per trained model; the base's Spearman as a line to start from."""
    from matplotlib.ticker import MaxNLocator

    curves = _curves(report)
    if not curves:
        return None
    figure, grid = panels(2, 1, WIDTH, 4.8, sharex=True)
    for axes, (key, label) in zip(grid[:, 0], _PANELS.items(), strict=True):
        for model, curve in curves.items():
            epochs, values = [point["epoch"] for point in curve], [_number(point, key) for point in curve]
            axes.plot(epochs, values, color=report.colours[model], marker="o", linewidth=2, label=shown(model))
        axes.set_title(label)
    base = _base(report)
    if not math.isnan(base):
        label = f"{BASE}, untrained: {base:.3f}"
        grid[0, 0].axhline(base, color=report.colours[BASE], linestyle="--", linewidth=1.4, label=label)
    grid[1, 0].set_ylim(bottom=0)
    grid[1, 0].set_xlabel("epoch")
    grid[1, 0].xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_below(figure)
    return figure


def training_curves_alt(report: CaseReport) -> str:
    """Both values of each epoch and model."""
    parts = []
    for model, curve in _curves(report).items():
        for key in _PANELS:
            values = ", ".join(worded(_number(point, key)) for point in curve)
            parts.append(f"{model} {key} after each of {len(curve)} epochs: {values}")
    return "; ".join(parts) + f". {BASE} spearman without training: {worded(_base(report))}."


def training_curves_table(report: CaseReport) -> DataTable:
    """A row for each epoch of each model."""
    return DataTable(
        headers=("Model", "Epoch", "Spearman correlation", "Training loss"),
        rows=tuple(
            (model, f"{point['epoch']:,}", *(cell(_number(point, key)) for key in _PANELS))
            for model, curve in _curves(report).items()
            for point in curve
        ),
        note=f"Spearman correlation of the untrained {BASE}: {cell(_base(report))}.",
    )


def _curves(report: CaseReport) -> dict[str, list[Mapping[str, Any]]]:
    trainings = {model: run.training for model, run in report.measured.items() if run.training}
    return {model: list(training["curve"]) for model, training in trainings.items() if training.get("curve")}


def _base(report: CaseReport) -> float:
    run = report.measured.get(BASE)
    return run.evaluation.metrics["spearman"].value if run else math.nan


def _number(point: Mapping[str, Any], key: str) -> float:
    value = point.get(key)
    return math.nan if value is None else float(value)
