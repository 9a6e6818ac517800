"""Each training, epoch by epoch, and the checked model at each learning rate."""

import math
from collections.abc import Iterator
from typing import Any

from harness.config import BASE
from harness.metrics import METRICS
from harness.report.cells import value as cell
from harness.report.charts.style import PANEL, PLATE, WIDTH, Axes, Figure, legend_below, panel_grid, short, shown
from harness.report.types import DataTable, Report
from harness.results import LearningRateEntry, LearningRatePoint
from harness.text import percent, scientific
from harness.training import EpochPoint

_PANELS = {"spearman": "Spearman correlation on the evaluation pairs", "loss": "training loss (mean of the epoch)"}
_AT_A_RATE = {"spearman": "Spearman after each epoch", "loss": "training loss of each epoch"}
_LINES = (("o", ":"), ("s", "--"), ("^", "-"))
"""A mark and a line for each rate: all are the same model, and have its colour."""


def curves(report: Report) -> Figure | None:
    """Draw Spearman and loss per epoch, a line per trained model, and the base's Spearman to start from."""
    trained = _curves(report)
    if not trained:
        return None
    figure, grid = panel_grid(2, 1, WIDTH, 4.4, sharex=True)
    for axes, (key, label) in zip(grid[:, 0], _PANELS.items(), strict=True):
        for model, curve in trained.items():
            epochs, values = [point.epoch for point in curve], [getattr(point, key) for point in curve]
            axes.plot(epochs, values, color=report.colours[model], marker="o", linewidth=2, label=shown(model))
        axes.set_title(label)
    base = report.values("spearman").get(BASE, math.nan)
    if not math.isnan(base):
        label = f"{BASE}, untrained: {base:.3f}"
        grid[0, 0].axhline(base, color=report.colours[BASE], linestyle="--", linewidth=1.4, label=label)
    grid[1, 0].set_ylim(bottom=0)
    _over_epochs(grid[1, 0])
    legend_below(figure)
    return figure


def curves_table(report: Report) -> DataTable:
    """Return a row for each epoch of each model."""
    return DataTable(
        headers=("Model", "Epoch", "Spearman correlation", "Training loss"),
        rows=tuple(
            (model, f"{point.epoch:,}", cell(point.spearman), cell(point.loss))
            for model, curve in _curves(report).items()
            for point in curve
        ),
        note=f"Spearman correlation of the untrained {BASE}: {cell(report.values('spearman').get(BASE, math.nan))}.",
    )


def learning_rate(report: Report) -> Figure | None:
    """Draw the metric against the learning rate, between base and reference; beside it each rate epoch by epoch."""
    check = report.case.learning_rate
    if check is None or not check.points:
        return None
    figure, grid = panel_grid(1, 3, 3 * PANEL, 4.0)
    against, *by_epoch = grid[0]
    for index, point in enumerate(check.points):
        marker, line = _LINES[index % len(_LINES)]
        name = f"{shown(check.model)} at {scientific(point.learning_rate)}, {_role(check, point)}"
        style: dict[str, Any] = {"marker": marker, "linestyle": line, "linewidth": 1.8, "label": name}
        style["color"] = report.colours[check.model]
        against.plot(point.learning_rate, point.value, **style | {"markersize": 8, "zorder": 3})
        for axes, key in zip(by_epoch, _AT_A_RATE, strict=True):
            axes.plot([epoch.epoch for epoch in point.curve], [getattr(epoch, key) for epoch in point.curve], **style)
    _against_rate(against, report, check)
    for axes, title in zip(by_epoch, _AT_A_RATE.values(), strict=True):
        axes.set_title(title)
        _over_epochs(axes)
    by_epoch[1].set_ylim(bottom=0)
    legend_below(figure, columns=3)
    return figure


def learning_rate_table(report: Report) -> DataTable:
    """Return a row for each epoch at each rate."""
    check = report.case.learning_rate
    return DataTable(
        headers=("Learning rate", "Epoch", "Spearman correlation", "Training loss"),
        rows=tuple(
            (scientific(point.learning_rate), f"{epoch.epoch:,}", *(cell(getattr(epoch, key)) for key in _AT_A_RATE))
            for point in (check.points if check else ())
            for epoch in point.curve
        ),
        note=_summary(report, check) if check else "",
    )


def _curves(report: Report) -> dict[str, tuple[EpochPoint, ...]]:
    trainings = {name: model.training for name, model in report.models.items()}
    return {name: training.curve for name, training in trainings.items() if training and training.curve}


def _over_epochs(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _summary(report: Report, check: LearningRateEntry) -> str:
    """Return the value at each rate, and the values that it is held against."""
    unit = METRICS[check.metric].unit
    parts = []
    for point in check.points:
        gap = _recovered(point, 1)
        words = f"{check.model} at {scientific(point.learning_rate)}, {_role(check, point)}: "
        words += f"{check.metric} {cell(point.value, unit)}"
        parts.append(words + (f", {gap} of the gap to {check.reference}" if gap else ""))
    held = ", ".join(f"{name} {cell(value, unit)}" for name, value in _held_against(report, check))
    return f"{'; '.join(parts)}. {check.metric} of {held or 'no other model'}."


def _against_rate(axes: Axes, report: Report, check: LearningRateEntry) -> None:
    """Draw the values against a logarithmic axis, with each that they are held against as a line."""
    from matplotlib.ticker import NullLocator

    metric = METRICS[check.metric]
    for name, value in _held_against(report, check):
        if not math.isnan(value):
            label = f"{shown(name)}: {short(value, metric.unit)}"
            axes.axhline(value, color=report.colours[name], linestyle="--", linewidth=1.4, label=label)
    rates = [point.learning_rate for point in check.points]
    axes.plot(rates, [point.value for point in check.points], color=report.colours[check.model], linewidth=1)
    for point in check.points:
        if not math.isnan(point.value):
            gap = _recovered(point, 0)
            words = short(point.value, metric.unit) + (f"\n{gap} of the gap" if gap else "")
            place: dict[str, Any] = {"xytext": (7, -6), "textcoords": "offset points", "va": "top"}
            axes.annotate(words, (point.learning_rate, point.value), fontsize=8, bbox=PLATE, **place)
    axes.set(xscale="log", title=metric.title, xlabel="learning rate (logarithmic)")
    axes.set_xticks(rates, [scientific(rate) for rate in rates])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.25, y=0.25)


def _held_against(report: Report, check: LearningRateEntry) -> Iterator[tuple[str, float]]:
    for name in (BASE, check.reference):
        if name in report.models:
            yield name, report.models[name].metrics[check.metric].value


def _recovered(point: LearningRatePoint, decimals: int) -> str:
    """Return the part of the reference's gain that is recovered; empty where it is undefined."""
    gap = point.relative.gap_recovered
    return "" if math.isnan(gap) else percent(gap, decimals)


def _role(check: LearningRateEntry, point: LearningRatePoint) -> str:
    if point.learning_rate == check.reference_rate:
        return f"the rate of {shown(check.reference)}"
    if point.learning_rate == check.own_rate:
        return "its own"
    return f"{point.learning_rate / check.reference_rate:g} times the rate of {shown(check.reference)}"
