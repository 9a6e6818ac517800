"""The power of the gate against the baseline: the smallest drop that it detects, and its false alarms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.metrics import METRICS
from harness.report import cells
from harness.text import number, percent

if TYPE_CHECKING:
    from harness.analyses.power import ModelPower
    from harness.report.types import Report
    from harness.results import MetricEntry


def power(report: Report) -> dict[str, Any]:
    """Return a sentence a model, and a row for each metric."""
    powers = {name: model.power for name, model in report.models.items() if model.power}
    if not powers:
        return {}
    return {
        "sentences": [power_sentences(name, found) for name, found in powers.items()],
        "models": cells.models(report, powers),
        "metrics": [
            {
                "title": metric.title,
                "unit": metric.unit,
                "cells": [_cell(found, name, report.models[model].metrics[name]) for model, found in powers.items()],
            }
            for name, metric in METRICS.items()
        ],
    }


def power_sentences(model: str, power: ModelPower) -> str:
    """Return the power of the gate on a model."""
    metric = METRICS["spearman"]
    alone, together = (drops.get("", {}).get("spearman", math.nan) for drops in (power.drops, power.together))
    drop = f"drop of {model}'s {metric.title}"
    if math.isnan(alone):
        words = f"This gate is sure to detect no {drop} by that comparison alone"
    else:
        words = f"This gate detects a {drop} of {number(alone)} or more with 95 % probability"
    if not math.isnan(together):
        words += f"; all comparisons together detect forgetting that costs {number(together)} of it"
    fails, unsure = percent(power.fails, 1), percent(power.inconclusive, 1)
    return f"{words}. A retraining that is as good fails in {fails} of cases, and is inconclusive in {unsure}."


def detectable(power: ModelPower, category: str, metric: str) -> tuple[str, str]:
    """Return the smallest drops that a comparison by itself, and all together, detect."""
    unit = METRICS[metric].unit
    alone, together = (drops.get(category, {}).get(metric, math.nan) for drops in (power.drops, power.together))
    return (
        "none" if math.isnan(alone) else number(alone, unit),
        "unknown" if math.isnan(together) else number(together, unit),
    )


def _cell(power: ModelPower, metric: str, entry: MetricEntry) -> dict[str, str]:
    alone, together = detectable(power, "", metric)
    tolerance = "none" if entry.stored is None else number(entry.tolerance, METRICS[metric].unit)
    return {"alone": alone, "together": together, "tolerance": tolerance}
