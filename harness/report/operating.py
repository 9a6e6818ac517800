"""What each model achieves at a threshold that was chosen on training pairs, and how far its own best one flatters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.operating import QUANTITIES
from harness.report.words import plain, signed

if TYPE_CHECKING:
    from harness.operating import OperatingPoint
    from harness.report.types import CaseReport


def operating_view(report: CaseReport) -> dict[str, Any]:
    """What the page's section about thresholds shows, in words; no models where nothing is known."""
    points = {name: report.operating[name] for name in report.measured if name in report.operating}
    return {
        "models": [{"name": name, "colour": report.colours[name]} for name in points],
        "sentences": [_sentences(name, point) for name, point in points.items()],
        "thresholds": [
            {"chosen": plain(point.threshold), "own": plain(point.own_threshold)} for point in points.values()
        ],
        "rows": [
            {
                "title": quantity.title,
                "unit": quantity.unit,
                "direction": quantity.direction,
                "cells": [_cell(point, key) for point in points.values()],
            }
            for key, quantity in QUANTITIES.items()
        ],
    }


def operating_json(point: OperatingPoint) -> dict[str, Any]:
    """An operating point in `results.json`."""
    return {
        "threshold": point.threshold,
        "degenerate": point.degenerate,
        "eval_threshold": point.own_threshold,
        "eval_degenerate": point.own_degenerate,
        "values": {
            key: {
                "value": value.value,
                "interval": None if math.isnan(value.low) else [value.low, value.high],
                **({"reason": value.reason} if value.reason else {}),
                **({"at_eval_threshold": point.apparent[key]} if key in point.apparent else {}),
                **({"optimism": point.optimism[key]} if key in point.apparent else {}),
                **({"guess": point.guess[key]} if key in point.guess else {}),
            }
            for key, value in point.values.items()
        },
    }


def _sentences(model: str, point: OperatingPoint) -> str:
    f1, alarms = point.values["f1"], point.values["false_positives"]
    if math.isnan(point.threshold):
        return f"{model} has no threshold: {f1.reason}."
    here = f"F1 {plain(f1.value)} and {plain(alarms.value, 'pairs')} false positives"
    seen = f"F1 {plain(point.apparent['f1'])} and {plain(point.apparent['false_positives'], 'pairs')} false positives"
    said = f"At the threshold {plain(point.threshold)}, chosen on the training pairs, {model} has {here}; "
    own = f"the best threshold on the evaluation pairs themselves, {plain(point.own_threshold)},"
    said += f"{own} would say the same." if seen == here else f"{own} would say {seen}: that is the optimism."
    if point.degenerate:
        said += " The threshold means nothing: on the training pairs, calling every pair positive is as good."
    elif point.own_degenerate:
        said += " The latter means nothing: on the evaluation pairs, calling every pair positive is as good."
    return said


def _cell(point: OperatingPoint, key: str) -> dict[str, str]:
    value, unit = point.values[key], QUANTITIES[key].unit
    at_own = key in point.apparent
    return {
        "value": plain(value.value, unit),
        "interval": "none" if math.isnan(value.low) else f"{plain(value.low, unit)} to {plain(value.high, unit)}",
        "note": value.reason,
        "apparent": plain(point.apparent[key], unit) if at_own else "",
        "optimism": signed(point.optimism[key], unit) if at_own else "",
        "guess": "" if at_own else plain(point.guess[key], unit),
    }
