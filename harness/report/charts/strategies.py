"""Retrieval of each model, and an adapter at each rank."""

import math
from typing import Any

from harness.metrics import METRICS
from harness.report.cells import ends
from harness.report.cells import value as cell
from harness.report.charts.style import WIDTH, Figure, panels, short, shown
from harness.report.types import DataTable, Report

_METRIC = "nDCG@10"


def retrieval(report: Report) -> Figure | None:
    """Draw nDCG@10 of each model with its interval over the queries."""
    found = {name: report.case.strategies[name].metrics[_METRIC] for name in _names(report)}
    if all(math.isnan(entry.value) for entry in found.values()):
        return None
    figure, axes = panels(WIDTH, 0.75 + 0.4 * len(found))
    for row, (name, entry) in enumerate(found.items()):
        high = 0.0 if math.isnan(entry.value) else entry.value
        axes.barh(row, high, color=report.colours[name])
        words = "undefined" if math.isnan(entry.value) else short(entry.value)
        if entry.interval is not None:
            low, high = entry.interval.low, entry.interval.high
            axes.plot([low, high], [row, row], color="black", linewidth=1.4)
        axes.annotate(words, (high, row), xytext=(5, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(found)), [shown(name) for name in found])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.12), xlabel=f"{_METRIC} (line: 95 % interval over the queries)")
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.grid(visible=False, axis="y")
    return figure


def retrieval_table(report: Report) -> DataTable:
    """Return a row for each model."""
    names = _names(report)
    metrics = list(report.case.strategies[names[0]].metrics) if names else []
    return DataTable(
        ("Model", *metrics),
        tuple(
            (name, *(f"{cell(of.value)} ({ends(of.interval)})" for of in report.case.strategies[name].metrics.values()))
            for name in names
        ),
    )


def rank(report: Report) -> Figure | None:
    """Draw the metric of an adapter against its rank, with intervals over the evaluation pairs."""
    entry = report.case.rank
    points = [point for point in entry.points if not math.isnan(point.value)] if entry else []
    if entry is None or not points:
        return None
    figure, axes = panels(WIDTH, 3.0)
    colour = report.colours[entry.model]
    ranks, values = [point.rank for point in points], [point.value for point in points]
    axes.plot(ranks, values, color=colour, marker="o", linewidth=2)
    for point in points:
        if point.interval is not None:
            axes.plot([point.rank] * 2, [point.interval.low, point.interval.high], color=colour, linewidth=1)
        own = " (its own)" if point.rank == entry.own else ""
        place: dict[str, Any] = {"xytext": (6, 6), "textcoords": "offset points", "fontsize": 9}
        axes.annotate(f"{short(point.value)}{own}", (point.rank, point.value), **place)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ranks, list(map(str, ranks)))
    axes.set(xlabel=f"rank of {shown(entry.model)} (logarithmic)", title=METRICS[entry.metric].title)
    axes.margins(x=0.18, y=0.2)
    return figure


def rank_table(report: Report) -> DataTable:
    """Return a row for each rank."""
    entry = report.case.rank
    title = METRICS[entry.metric].title if entry else ""
    return DataTable(
        ("Rank", title, "95 % interval", "Trained parameters"),
        tuple(
            (str(point.rank), cell(point.value), ends(point.interval), f"{point.trainable:,}")
            for point in (entry.points if entry else ())
        ),
        note=f"{entry.model}, whose own rank is {entry.own}; alpha / rank is the same at each." if entry else "",
    )


def _names(report: Report) -> list[str]:
    return [name for name in report.models if name in report.case.strategies]
