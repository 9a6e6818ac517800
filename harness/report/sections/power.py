"""The power of the gate against the baseline, for the page and the command: what it detects, and its false alarms."""

import math
from collections.abc import Mapping
from typing import Any

from harness.analyses import POWER, ModelPower
from harness.baselines import StoredModel
from harness.metrics import METRICS
from harness.report import cells
from harness.report.comparison import aligned
from harness.report.github import markdown_text, table
from harness.report.types import Report
from harness.results import ModelEntry
from harness.text import number, percent

_TITLES = ("model", "category", "metric", "stored", "tolerance", "detected alone", "detected together")


def power(report: Report) -> dict[str, Any]:
    """Return a sentence a model, and a row for each metric."""
    powers = report.analyses(POWER)
    unknown = [name for name, model in report.models.items() if model.tolerance_from == "bootstrap"]
    if not powers:
        return {}
    sentences: dict[str, ModelPower | None] = {**powers, **dict.fromkeys(unknown)}
    return {
        "line": "; ".join(map(_line, powers, powers.values())),
        "sentences": [power_sentences(name, found) for name, found in sentences.items()],
        "models": [cells.model(report, name) for name in powers],
        "metrics": cells.rows(METRICS, powers, lambda model, key: _cell(report.models[model], powers[model], key)),
    }


def power_sentences(model: str, power: ModelPower | None) -> str:
    """Return the power of the gate on a model; None where it is not known."""
    if power is None:
        return (
            f"The smallest drop of {model} that this gate detects is not known: it is not trained here, and its "
            "tolerances come from the bootstrap, not from trainings with other seeds."
        )
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


def detectable(power: ModelPower | None, category: str, metric: str) -> tuple[str, str]:
    """Return the smallest drops that a comparison by itself, and all together, detect."""
    if power is None:
        return "not known", "not known"
    unit = METRICS[metric].unit
    alone, together = (drops.get(category, {}).get(metric, math.nan) for drops in (power.drops, power.together))
    return (
        "none" if math.isnan(alone) else number(alone, unit),
        "unknown" if math.isnan(together) else number(together, unit),
    )


def as_text(case: str, powers: Mapping[str, ModelPower | None], stored: Mapping[str, StoredModel]) -> str:
    """Return the power on each model of a case, beside its stored values, for a terminal."""
    rows = aligned(_TITLES, _rows(powers, stored), right=(3, 4, 5, 6))
    return "\n".join([case, "", *rows, "", *map(power_sentences, powers, powers.values()), ""])


def as_markdown(case: str, powers: Mapping[str, ModelPower | None], stored: Mapping[str, StoredModel]) -> str:
    """Return the same for a pull request."""
    rows = table(_TITLES, ([markdown_text(cell) for cell in row] for row in _rows(powers, stored)))
    sentences = [f"- {markdown_text(power_sentences(model, power))}" for model, power in powers.items()]
    return "\n".join([f"### Smallest detectable drops of {markdown_text(case)}", "", *sentences, "", *rows, ""])


def _line(model: str, power: ModelPower) -> str:
    drop, false_alarms = detectable(power, "", "spearman")[0], percent(power.fails, 1)
    return f"{model}: a Spearman drop of {drop}, {false_alarms} false alarms"


def _cell(model: ModelEntry, power: ModelPower, metric: str) -> dict[str, str]:
    (alone, together), entry = detectable(power, "", metric), model.metrics[metric]
    tolerance = "none" if entry.stored is None else number(entry.tolerance, METRICS[metric].unit)
    return {"alone": alone, "together": together, "tolerance": tolerance}


def _rows(powers: Mapping[str, ModelPower | None], stored: Mapping[str, StoredModel]) -> list[tuple[str, ...]]:
    rows = []
    for model, power in powers.items():
        for category, metric, value in stored[model].compared:
            known = (number(amount, METRICS[metric].unit) for amount in (value.value, value.tolerance))
            rows.append((model, category or "all", metric, *known, *detectable(power, category, metric)))
    return rows
