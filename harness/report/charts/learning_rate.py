"""The checked model at each learning rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.config import BASE
from harness.metrics import METRICS
from harness.report.cells import value as cell
from harness.report.charts.style import PANEL, PLATE, legend_below, panels, short, shown
from harness.report.types import DataTable
from harness.text import number as worded
from harness.text import percent, scientific

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from harness.analyses.learning_rate import LearningRatePoint
    from harness.report.types import Report
    from harness.results import LearningRateEntry

_CURVES = {"spearman": "Spearman after each epoch", "loss": "training loss of each epoch"}
_LINES = (("o", ":"), ("s", "--"), ("^", "-"))
"""A mark and a line for each rate: all are the same model, and have its colour."""


def draw(report: Report) -> Figure | None:
    """Draw the metric against the learning rate, between base and reference; beside it each rate epoch by epoch."""
    from matplotlib.ticker import MaxNLocator

    check = report.case.learning_rate
    if check is None or not check.points:
        return None
    figure, grid = panels(1, 3, 3 * PANEL, 4.0)
    against, *over_epochs = grid[0]
    for index, point in enumerate(check.points):
        marker, line = _LINES[index % len(_LINES)]
        name = f"{shown(check.model)} at {scientific(point.learning_rate)}, {_role(check, point)}"
        style: dict[str, Any] = {"marker": marker, "linestyle": line, "linewidth": 1.8, "label": name}
        style["color"] = report.colours[check.model]
        against.plot(point.learning_rate, point.value, **style | {"markersize": 8, "zorder": 3})
        for axes, key in zip(over_epochs, _CURVES, strict=True):
            axes.plot([epoch.epoch for epoch in point.curve], [getattr(epoch, key) for epoch in point.curve], **style)
    _against_rate(against, report, check)
    for axes, title in zip(over_epochs, _CURVES.values(), strict=True):
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    over_epochs[1].set_ylim(bottom=0)
    legend_below(figure, columns=3)
    return figure


def alt(report: Report) -> str:
    """Return the value at each rate, and the values that it is held against."""
    check = report.case.learning_rate
    if check is None:
        return ""
    unit = METRICS[check.metric].unit
    parts = [
        f"{check.model} at {scientific(point.learning_rate)}, {_role(check, point)}: "
        f"{check.metric} {worded(point.value, unit)}{_recovered(point, ', {} of the gap to ' + check.reference, 1)}"
        for point in check.points
    ]
    held = ", ".join(f"{name} {worded(value, unit)}" for name, value in _held_against(report, check))
    return f"{'; '.join(parts)}. {check.metric} of {held or 'no other model'}."


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
        note=alt(report),
    )


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
            axes.annotate(
                short(point.value, metric.unit) + _recovered(point, "\n{} of the gap", 0),
                (point.learning_rate, point.value), (7, -6), textcoords="offset points",
                va="top", fontsize=8, bbox=PLATE,
            )  # fmt: skip
    axes.set(xscale="log", title=metric.title, xlabel="learning rate (logarithmic)")
    axes.set_xticks(rates, [scientific(rate) for rate in rates])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.25, y=0.25)


def _held_against(report: Report, check: LearningRateEntry) -> Iterator[tuple[str, float]]:
    for name in (BASE, check.reference):
        if name in report.models:
            yield name, report.models[name].metrics[check.metric].value


def _recovered(point: LearningRatePoint, words: str, decimals: int) -> str:
    """Say the part of the reference's gain that is recovered; nothing where it is undefined."""
    gap = point.relative.gap_recovered
    return "" if math.isnan(gap) else words.format(percent(gap, decimals))


def _role(check: LearningRateEntry, point: LearningRatePoint) -> str:
    """Say which of the rates it is."""
    if point.learning_rate == check.reference_rate:
        return f"the rate of {shown(check.reference)}"
    if point.learning_rate == check.own_rate:
        return "its own"
    return f"{point.learning_rate / check.reference_rate:g} times the rate of {shown(check.reference)}"
