"""What the gate sees, in words: how small a drop, and how often it stops a model that is as good as the stored one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.gates import number
from harness.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.baselines import Baseline
    from harness.power import ModelPower
    from harness.report.types import CaseReport

POWER_TITLES = ("model", "metric", "stored", "tolerance", "drop seen alone", "drop seen together")


def power_sentences(powers: Mapping[str, ModelPower]) -> list[str]:
    """What the gate sees of each model, a sentence each."""
    return [_sentence(model, power) for model, power in powers.items()]


def power_rows(powers: Mapping[str, ModelPower], baseline: Baseline) -> list[tuple[str, ...]]:
    """Every comparison of every model as the cells below `POWER_TITLES`."""
    rows = []
    for model, power in powers.items():
        for name, stored in baseline.models[model].compared.items():
            unit = METRICS[name.rpartition("/")[2]].unit
            numbers = (number(value, unit) for value in (stored.value, stored.tolerance))
            rows.append((model, name, *numbers, *_seen(power, name)))
    return rows


def power_view(report: CaseReport) -> dict[str, Any]:
    """What the page's section about the gate shows, in words; nothing where nothing comparable is stored."""
    return {
        "sentences": power_sentences(report.power),
        "models": [{"name": name, "colour": report.colours[name]} for name in report.power],
        "metrics": [
            {
                "title": metric.title,
                "unit": metric.unit,
                "cells": [_cell(report, model, name) for model in report.power],
            }
            for name, metric in METRICS.items()
        ],
    }


def _sentence(model: str, power: ModelPower) -> str:
    alone, together = (found.get("spearman", math.nan) for found in (power.drops, power.together))
    drop = f"drop of {model}'s {METRICS['spearman'].title}"
    if math.isnan(alone):
        seen = f"This gate is sure to see no {drop} by that comparison alone"
    else:
        seen = f"This gate sees a {drop} of {number(alone)} or more with 95 % probability"
    if not math.isnan(together):
        seen += f"; all comparisons together see forgetting that costs {number(together)} of it"
    fails, unsure = (f"{100 * share:.1f} %" for share in (power.fails, power.inconclusive))
    return f"{seen}. An equally good training fails in {fails} of cases, and is inconclusive in {unsure}."


def _cell(report: CaseReport, model: str, metric: str) -> dict[str, str]:
    alone, together = _seen(report.power[model], metric)
    stored = report.stored(model, metric)
    return {
        "alone": alone,
        "together": together,
        "tolerance": number(stored.tolerance, METRICS[metric].unit) if stored else "none",
    }


def _seen(power: ModelPower, comparison: str) -> tuple[str, str]:
    """The drops that a comparison by itself, and all together, catch; in words."""
    unit = METRICS[comparison.rpartition("/")[2]].unit
    alone, together = (found.get(comparison, math.nan) for found in (power.drops, power.together))
    return (
        "none" if math.isnan(alone) else number(alone, unit),
        "unknown" if math.isnan(together) else number(together, unit),
    )
