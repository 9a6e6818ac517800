"""What the models reach on further pairs, and how much surer those make each value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.metrics import METRICS
from harness.report.words import plain

if TYPE_CHECKING:
    from harness.report.types import CaseReport, FurtherPairs
    from harness.statistics import Interval


def more_views(report: CaseReport) -> list[dict[str, Any]]:
    """What the page's section about further pairs shows, in words: a table for each set."""
    return [_view(report, name, further) for name, further in report.more.items()]


def more_json(report: CaseReport) -> dict[str, Any]:
    """The further sets of pairs in `results.json`."""
    return {
        name: {
            "pairs": len(further.pairs),
            "in_train": further.in_train,
            "models": {
                model: {metric: _metric_json(report, further, model, metric) for metric in METRICS}
                for model in further.measured
            },
        }
        for name, further in report.more.items()
    }


def _view(report: CaseReport, name: str, further: FurtherPairs) -> dict[str, Any]:
    count, here = len(further.pairs), len(report.pairs)
    models = [model for model in report.measured if model in further.measured]
    leak = f"{further.in_train:,} of its pairs are in the training data, and say nothing about new ones."
    return {
        "name": name,
        "pairs": f"{count:,}",
        "eval_pairs": f"{here:,}",
        "expected": f"{math.sqrt(here / count):.2f}",
        "leak": leak if further.in_train else "",
        "models": [{"name": model, "colour": report.colours[model]} for model in models],
        "rows": [
            {
                "title": METRICS[metric].title,
                "unit": METRICS[metric].unit,
                "cells": [_cell(report, further, model, metric) for model in models],
            }
            for metric in METRICS
        ],
    }


def _cell(report: CaseReport, further: FurtherPairs, model: str, metric: str) -> dict[str, str]:
    unit = METRICS[metric].unit
    result, before = further.measured[model][0].metrics[metric], report.runs[model].evaluation.metrics[metric]
    width = _width_share(report, further, model, metric)
    return {
        "value": plain(result.value, unit),
        "interval": _interval(further.interval(model, metric), unit),
        "eval": plain(before.value, unit),
        "eval_interval": _interval(report.interval(model, metric), unit),
        "width": "" if math.isnan(width) else f"{width:.2f} of the width",
        "note": _reason(further, model, metric),
    }


def _metric_json(report: CaseReport, further: FurtherPairs, model: str, metric: str) -> dict[str, Any]:
    result, interval = further.measured[model][0].metrics[metric], further.interval(model, metric)
    reason = _reason(further, model, metric)
    return {
        "value": result.value,
        "interval": list(interval[:2]) if interval else None,
        "width_share": _width_share(report, further, model, metric),
        **({"reason": reason} if reason else {}),
    }


def _reason(further: FurtherPairs, model: str, metric: str) -> str:
    """Why there is no value, or no interval; empty where there are both."""
    evaluation, sure = further.measured[model]
    interval = sure.intervals.get(metric)
    return evaluation.metrics[metric].reason or (interval.reason if interval else "")


def _width_share(report: CaseReport, further: FurtherPairs, model: str, metric: str) -> float:
    """Width of the further pairs' interval over that of the evaluation pairs'; NaN where one is missing, or has none.

    A count grows with the pairs that can be counted, here the negative ones: it is compared as a share of them.
    """
    small, large = report.interval(model, metric), further.interval(model, metric)
    if small is None or large is None or small.high == small.low:
        return math.nan
    share = (large.high - large.low) / (small.high - small.low)
    if METRICS[metric].unit == "pairs":
        share *= np.count_nonzero(report.pairs.labels == 0) / np.count_nonzero(further.pairs.labels == 0)
    return float(share)


def _interval(interval: Interval | None, unit: str) -> str:
    return f"{plain(interval.low, unit)} to {plain(interval.high, unit)}" if interval else "none"
