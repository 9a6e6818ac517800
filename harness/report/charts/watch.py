"""A watched model in pictures: its metrics and its drift, a point a check."""

import math
from collections.abc import Sequence

from harness.metrics import METRICS
from harness.report.cells import ends
from harness.report.cells import value as cell
from harness.report.charts.style import LINE, QUIET, WIDTH, Axes, Chart, Figure, evenly, legend_below, panel_grid
from harness.report.types import DataTable
from harness.results.watch import History, WatchValue
from harness.statistics import DRIFT_LEVEL, Interval

MOST_CHECKS = 60
"""Checks that a page shows, the newest: more would lie on each other."""

_POINTS = {"fine": ("#009e73", "o"), "look": ("#e69f00", "s"), "retrain": ("#d55e00", "v")}
"""Answer -> colour and mark of its points."""

_DRIFT = {"drift_auc": "AUC of new against known texts", "drift_mmd": "squared MMD"}


def _metrics(history: History) -> Figure | None:
    names = _measured(history)
    if not names:
        return None
    figure, grid = panel_grid(len(names), 1, WIDTH, 0.6 + 1.9 * len(names), sharex=True)
    for axes, name in zip(grid[:, 0], names, strict=True):
        for place, value in enumerate(_values(history, name)):
            _band(axes, place, value, higher=METRICS[name].direction == "higher")
            axes.plot([place, place], [value.low, value.high], color=QUIET, linewidth=1, label="95 % interval")
        _trend(axes, history, name)
        axes.set_title(METRICS[name].title)
    legend_below(figure, columns=3)
    return figure


def _drift(history: History) -> Figure | None:
    if all(math.isnan(value.value) for name in _DRIFT for value in _values(history, name)):
        return None
    figure, grid = panel_grid(len(_DRIFT), 1, WIDTH, 0.6 + 2.6 * len(_DRIFT), sharex=True)
    for axes, (name, title), without in zip(grid[:, 0], _DRIFT.items(), (0.5, 0.0), strict=True):
        axes.axhline(without, color=QUIET, linestyle="--", linewidth=1, label="without drift")
        found = [(place, value.value) for place, value in enumerate(_values(history, name)) if _is_drift(value)]
        axes.scatter(*zip(*found, strict=True) if found else ([], []), s=130, facecolors="none", edgecolors=QUIET)
        _trend(axes, history, name)
        axes.set_title(title)
    grid[0, 0].scatter([], [], s=130, facecolors="none", edgecolors=QUIET, label=f"p at most {DRIFT_LEVEL / 2:g}")
    legend_below(figure, columns=3)
    return figure


def _trend(axes: Axes, history: History, name: str) -> None:
    """Draw a value over the checks, each with the mark of its answer."""
    values, places = _values(history, name), range(len(history.checks))
    axes.plot(places, [value.value for value in values], color=QUIET, linewidth=1)
    for answer, (colour, mark) in _POINTS.items():
        chosen = [place for place in places if history.checks[place].answer == answer]
        axes.scatter(
            chosen, [values[place].value for place in chosen], color=colour, marker=mark, label=answer, zorder=3
        )
    ticks = evenly(len(places), 3)
    axes.set_xticks(ticks, [history.checks[place].at[:10] for place in ticks], fontsize=8)
    axes.set_xlim(-0.5, len(places) - 0.5)


def _band(axes: Axes, place: int, value: WatchValue, *, higher: bool) -> None:
    """Draw the stored value, and what is still within its tolerance."""
    if math.isnan(value.stored):
        return
    around, worst = [place - 0.5, place + 0.5], value.stored + (-value.limit if higher else value.limit)
    axes.fill_between(around, value.stored, worst, color=LINE, linewidth=0, alpha=0.7, label="tolerance")
    axes.plot(around, [value.stored] * 2, color=QUIET, linestyle="--", linewidth=1, label="stored")


def _is_drift(value: WatchValue) -> bool:
    return value.p_value <= DRIFT_LEVEL / 2


def _values(history: History, name: str) -> Sequence[WatchValue]:
    return [check.value(name) for check in history.checks]


def _measured(history: History) -> list[str]:
    """Return the metrics that any check has."""
    return [name for name in METRICS if any(not math.isnan(value.value) for value in _values(history, name))]


def _metrics_table(history: History) -> DataTable:
    rows = tuple(
        (check.at, METRICS[name].title, cell(value.value), ends(Interval(value.low, value.high)), cell(value.stored))
        for check in history.checks
        for name in _measured(history)
        if not math.isnan((value := check.value(name)).value)
    )
    note = "Each interval is that of the new pairs; the shade is what is within the tolerance of the stored value."
    return DataTable(("Check", "Metric", "Value", "95 % interval", "Stored"), rows, note=note)


def _drift_table(history: History) -> DataTable:
    rows = tuple(
        (check.at, *(cell(part) for name in _DRIFT for part in (check.value(name).value, check.value(name).p_value)))
        for check in history.checks
    )
    return DataTable(("Check", "AUC", "p of the AUC", "MMD²", "p of MMD²"), rows)


WATCH_CHARTS: dict[str, Chart[History]] = {
    "metrics": Chart(
        "Metrics on new pairs",
        "Is the model as good on what comes in as when it was stored?",
        _metrics,
        _metrics_table,
        empty=lambda _: "No check had labelled pairs.",
    ),
    "drift": Chart(
        "Drift of the texts",
        "How far are the embeddings of new texts from those of the evaluation pairs?",
        _drift,
        _drift_table,
        empty=lambda _: "No check had enough texts.",
    ),
}
"""Every chart of a watched model by its key, in the order of its page."""
