"""The checked model at each learning rate."""

import math
from collections.abc import Iterator
from typing import Any

from harness.config import BASE
from harness.metrics import METRICS
from harness.report.cells import value as cell
from harness.report.charts.style import PANEL, PLATE, Axes, Figure, legend_below, over_epochs, panel_grid, short, shown
from harness.report.types import DataTable, Report
from harness.results import LearningRateEntry, LearningRatePoint
from harness.text import percent, scientific

_CURVES = {"spearman": "Spearman after each epoch", "loss": "training loss of each epoch"}
_LINES = (("o", ":"), ("s", "--"), ("^", "-"))
"""A mark and a line for each rate: all are the same model, and have its colour."""


def draw(report: Report) -> Figure | None:
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
        for axes, key in zip(by_epoch, _CURVES, strict=True):
            axes.plot([epoch.epoch for epoch in point.curve], [getattr(epoch, key) for epoch in point.curve], **style)
    _against_rate(against, report, check)
    for axes, title in zip(by_epoch, _CURVES.values(), strict=True):
        axes.set_title(title)
        over_epochs(axes)
    by_epoch[1].set_ylim(bottom=0)
    legend_below(figure, columns=3)
    return figure


def table(report: Report) -> DataTable:
    """Return a row for each epoch at each rate."""
    check = report.case.learning_rate
    return DataTable(
        headers=("Learning rate", "Epoch", "Spearman correlation", "Training loss"),
        rows=tuple(
            (scientific(point.learning_rate), f"{epoch.epoch:,}", *(cell(getattr(epoch, key)) for key in _CURVES))
            for point in (check.points if check else ())
            for epoch in point.curve
        ),
        note=_summary(report),
    )


def _summary(report: Report) -> str:
    """Return the value at each rate, and the values that it is held against."""
    check = report.case.learning_rate
    if check is None:
        return ""
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
    """Say which of the rates it is."""
    if point.learning_rate == check.reference_rate:
        return f"the rate of {shown(check.reference)}"
    if point.learning_rate == check.own_rate:
        return "its own"
    return f"{point.learning_rate / check.reference_rate:g} times the rate of {shown(check.reference)}"
