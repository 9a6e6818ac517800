"""Each metric of each model, with what it is held against: the baseline, or another model."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from harness.metrics import METRICS
from harness.report import cells
from harness.report.types import Report
from harness.results import MetricEntry, ModelEntry, RelativeEntry
from harness.text import listed, number, percent, sentence

Place = Callable[[float], float]
"""A value -> its place on a scale, in per cent of the width."""

_MARGIN = 6.0  # per cent of a scale that are free at each end

_SOURCES = {"seeds": "", "case": "", "bootstrap": " from the bootstrap"}
"""What is said of a tolerance by its source."""


def metrics(report: Report) -> dict[str, Any]:
    """Return a row for each model and a cell for each metric; then everything known of each, a row a value."""
    if not report.models:
        return {}
    why = report.case.incomparable
    places = {key: _scale(model.metrics[key] for model in report.models.values()) for key in METRICS}
    return {
        "titles": [{"title": row.title, "unit": row.unit, "direction": row.direction} for row in METRICS.values()],
        "incomparable": sentence(f"Nothing is compared with the baseline: {why}") if why else "",
        "rows": [
            {
                "model": cells.model(report, name),
                "cells": [_cell(model.metrics[key], key, places[key]) for key in METRICS],
            }
            for name, model in report.models.items()
        ],
        "notes": _notes(report),
        "details": [
            {"title": row.title, "model": cells.model(report, name)} | _details(model, key)
            for key, row in METRICS.items()
            for name, model in report.models.items()
        ],
    }


def relative_performance(report: Report) -> list[dict[str, Any]]:
    """Return a table for each two models that the case compares, with a row for each metric."""
    entries = report.case.relative_performance
    return [
        {
            "model": model,
            "reference": reference,
            "rows": [_relative(entry) for entry in entries if (entry.model, entry.reference) == (model, reference)],
        }
        for model, reference in dict.fromkeys((entry.model, entry.reference) for entry in entries)
    ]


def _cell(entry: MetricEntry, metric: str, place: Place) -> dict[str, Any]:
    unit, interval, undefined = METRICS[metric].unit, entry.interval, math.isnan(entry.value)
    low, high = (interval.low, interval.high) if interval else (math.nan, math.nan)
    marks = {"value": place(entry.value), "low": place(low), "high": place(high)}
    if entry.stored is not None:
        marks["stored"] = place(entry.stored)
    return {
        "title": METRICS[metric].title,
        "value": cells.value(entry.value, unit),
        "undefined": undefined,
        "change": "" if entry.stored is None or undefined else cells.change(entry.value - entry.stored, unit),
        "outcome": entry.outcome or "not gated",
        "marks": {name: f"{at:.1f}" for name, at in marks.items() if not math.isnan(at)},
        "noted": bool(_note(entry)),
    }


def _scale(entries: Iterable[MetricEntry]) -> Place:
    """Return the scale that the intervals, values and stored values of all models share."""
    every = []
    for entry in entries:
        every += [entry.value, math.nan if entry.stored is None else entry.stored]
        every += [entry.interval.low, entry.interval.high] if entry.interval else []
    known = [value for value in every if math.isfinite(value)]
    least, most = (min(known), max(known)) if known else (0.0, 0.0)
    if most == least:
        return lambda value: math.nan if math.isnan(value) else 50.0
    return lambda value: _MARGIN + (100 - 2 * _MARGIN) * (value - least) / (most - least)


def _note(entry: MetricEntry) -> str:
    """Return why a value is undefined, or means nothing; else empty."""
    degenerate = "threshold no better than calling every pair positive" if entry.details.get("degenerate") else ""
    return entry.reason or degenerate


def _notes(report: Report) -> list[str]:
    """Return each remark on values once, after the values that it is about."""
    about: dict[str, dict[str, list[str]]] = {}
    for name, model in report.models.items():
        for key, metric in METRICS.items():
            if note := _note(model.metrics[key]):
                about.setdefault(note, {}).setdefault(name, []).append(metric.title)
    return [
        sentence(f"{'; '.join(f'{name}, {listed(titles)}' for name, titles in models.items())}: {note}")
        for note, models in about.items()
    ]


def _details(model: ModelEntry, metric: str) -> dict[str, str]:
    entry, unit = model.metrics[metric], METRICS[metric].unit
    change = entry.change
    row = {
        "value": cells.value(entry.value, unit),
        "interval": cells.ends(entry.interval, unit),
        "outcome": entry.outcome or "not gated",
        "note": _note(entry),
    }
    if entry.stored is None:
        return row | dict.fromkeys(("stored", "change", "tolerance", "change_interval"), "none")
    compared = change is not None and not math.isnan(change.low)
    return row | {
        "stored": cells.value(entry.stored, unit),
        "change": cells.change(entry.value - entry.stored, unit),
        "tolerance": number(entry.tolerance, unit) + _SOURCES[model.tolerance_from],
        "change_interval": f"{cells.change(change.low, unit)} to {cells.change(change.high, unit)}"
        if change and compared
        else "none",
    }


def _relative(entry: RelativeEntry) -> dict[str, str]:
    metric, value = METRICS[entry.metric], entry.value
    flatters = "no-skill is far above 0 here, so the ratio flatters" if metric.no_skill_above_zero else ""
    return {
        "title": metric.title,
        "difference": cells.change(value.model - value.reference, metric.unit),
        "ratio": cells.ratio(value.ratio),
        "interval": cells.ratio_ends(value.interval),
        "note": value.reason or flatters,
        "recovered": cells.ratio(value.gap_recovered),
        "recovered_interval": cells.ratio_ends(value.gap_interval),
        "at_least": "" if entry.at_least is None else f"expected at least {percent(entry.at_least)}",
        "outcome": entry.outcome or "",
    }
