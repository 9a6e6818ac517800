"""What the checked model learns at each learning rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.case import BASE
from harness.charts.style import PANEL, PLATE, cell, legend_below, panels, short, shown, worded
from harness.gates import scientific
from harness.metrics import METRICS
from harness.report import DataTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from harness.case import LearningRateCheck
    from harness.report import CaseReport

_CURVES = {"spearman": "Spearman after each epoch", "loss": "training loss of each epoch"}
_LINES = (("o", ":"), ("s", "--"), ("^", "-"))
"""A mark and a line for each rate: all are the same model, and have its colour."""


def learning_rate(report: CaseReport) -> Figure | None:
    """The metric against the learning rate, between base and full fine-tuning; beside it each rate epoch by epoch."""
    from matplotlib.ticker import MaxNLocator

    check = report.case.learning_rate
    if check is None or not report.rates:
        return None
    figure, grid = panels(1, 3, 3 * PANEL, 4.0)
    against, *over_epochs = grid[0]
    colour = report.colours[check.model]
    for (rate, value), (marker, line) in zip(_values(report, check), _LINES, strict=False):
        name = f"{shown(check.model)} at {scientific(rate)}{_whose(report, check, rate)}"
        style: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": line, "linewidth": 1.8, "label": name}
        against.plot(rate, value, **style | {"markersize": 8, "zorder": 3})
        for axes, key in zip(over_epochs, _CURVES, strict=True):
            epochs, values = [p["epoch"] for p in _curve(report, rate)], [_number(p, key) for p in _curve(report, rate)]
            axes.plot(epochs, values, **style)
    _against_rate(against, report, check)
    for axes, title in zip(over_epochs, _CURVES.values(), strict=True):
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    over_epochs[1].set_ylim(bottom=0)
    legend_below(figure, columns=3)
    return figure


def learning_rate_alt(report: CaseReport) -> str:
    """The value at each rate, and what it is held against."""
    check = report.case.learning_rate
    if check is None:
        return ""
    gains = _gains(report)
    unit = METRICS[check.metric].unit
    parts = [
        f"{check.model} at {scientific(rate)}{_whose(report, check, rate)}: {check.metric} {worded(value, unit)}"
        + (f", {gains[rate]:z.1%} of {check.of}'s gain over the base" if rate in gains else "")
        for rate, value in _values(report, check)
    ]
    held = ", ".join(f"{name} {worded(value, unit)}" for name, value in _held_against(report, check))
    return f"{'; '.join(parts)}. {check.metric} of {held or 'no other model'}."


def learning_rate_table(report: CaseReport) -> DataTable:
    """A row for each epoch at each rate."""
    return DataTable(
        headers=("Learning rate", "Epoch", "Spearman correlation", "Training loss"),
        rows=tuple(
            (scientific(rate), f"{point['epoch']:,}", *(cell(_number(point, key)) for key in _CURVES))
            for rate in report.rates
            for point in _curve(report, rate)
        ),
        note=learning_rate_alt(report),
    )


def _against_rate(axes: Axes, report: CaseReport, check: LearningRateCheck) -> None:
    """The values against a logarithmic axis, with what each is held against as a line."""
    from matplotlib.ticker import NullLocator

    metric, gains = METRICS[check.metric], _gains(report)
    for name, value in _held_against(report, check):
        if not math.isnan(value):
            label = f"{shown(name)}: {short(value, metric.unit)}"
            axes.axhline(value, color=report.colours[name], linestyle="--", linewidth=1.4, label=label)
    points = _values(report, check)
    axes.plot(*zip(*points, strict=True), color=report.colours[check.model], linewidth=1)
    for rate, value in points:
        if not math.isnan(value):
            gain = f"\n{gains[rate]:z.0%} of the gain" if rate in gains else ""
            axes.annotate(
                short(value, metric.unit) + gain, (rate, value), (7, -6), textcoords="offset points",
                va="top", fontsize=8, bbox=PLATE,
            )  # fmt: skip
    axes.set(xscale="log", title=metric.title, xlabel="learning rate (logarithmic)")
    axes.set_xticks(list(report.rates), [scientific(rate) for rate in report.rates])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.25, y=0.25)


def _values(report: CaseReport, check: LearningRateCheck) -> list[tuple[float, float]]:
    return [(rate, run.evaluation.metrics[check.metric].value) for rate, run in report.rates.items()]


def _held_against(report: CaseReport, check: LearningRateCheck) -> list[tuple[str, float]]:
    return [
        (name, report.runs[name].evaluation.metrics[check.metric].value)
        for name in (BASE, check.of)
        if name in report.runs
    ]


def _gains(report: CaseReport) -> dict[float, float]:
    """Rate -> the share of full fine-tuning's gain that its gate saw; without those that are undefined."""
    seen = {verdict.name: verdict.observed for verdict in report.verdicts}
    judged = zip(report.case.checked_rates, ("stalls", "learns"), strict=True)
    return {rate: seen[gate] for rate, gate in judged if not math.isnan(seen.get(gate, math.nan))}


def _whose(report: CaseReport, check: LearningRateCheck, rate: float) -> str:
    """Which of the rates it is."""
    full, tenfold = report.case.checked_rates
    own = report.case.models[check.model].learning_rate
    named = {full: f"the rate of {shown(check.of)}", tenfold: "ten times that", own: "its own"}
    return f", {named[rate]}"


def _curve(report: CaseReport, rate: float) -> list[Mapping[str, Any]]:
    training = report.rates[rate].training
    return list(training["curve"]) if training else []


def _number(point: Mapping[str, Any], key: str) -> float:
    value = point.get(key)
    return math.nan if value is None else float(value)
