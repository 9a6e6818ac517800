"""Each metric of each model, with what it is held against: the baseline, or another model."""

from typing import Any

from harness.metrics import METRICS
from harness.report import cells
from harness.report.types import Report
from harness.results import ModelEntry, RelativeEntry
from harness.text import number, percent, sentence

_SOURCES = {"seeds": "", "case": "", "bootstrap": " from the bootstrap"}
"""What is said of a tolerance by its source."""


def metrics(report: Report) -> dict[str, Any]:
    """Return a row for each metric and a cell for each model."""
    if not report.models:
        return {}
    why = report.case.incomparable
    return {
        "models": [cells.model(report, name) for name in report.models],
        "incomparable": sentence(f"Nothing is compared with the baseline: {why}") if why else "",
        "rows": cells.rows(METRICS, report.models, lambda model, key: _cell(report.models[model], key)),
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


def _cell(model: ModelEntry, metric: str) -> dict[str, str]:
    entry, unit = model.metrics[metric], METRICS[metric].unit
    degenerate = "threshold no better than calling every pair positive" if entry.details.get("degenerate") else ""
    cell = {
        "value": cells.value(entry.value, unit),
        "note": entry.reason or degenerate,
        "interval": cells.ends(entry.interval, unit),
        "outcome": entry.outcome or "not gated",
    }
    if entry.stored is None:
        return cell | dict.fromkeys(("stored", "change", "tolerance"), "none")
    return cell | {
        "stored": cells.value(entry.stored, unit),
        "change": cells.change(entry.value - entry.stored, unit),
        "tolerance": number(entry.tolerance, unit) + _SOURCES[model.tolerance_from],
    }


def _relative(entry: RelativeEntry) -> dict[str, str]:
    metric, value = METRICS[entry.metric], entry.value
    flatters = "no-skill is far above 0 here, so the ratio flatters" if metric.no_skill_above_zero else ""
    return {
        "title": metric.title,
        "model": cells.value(value.model, metric.unit),
        "reference": cells.value(value.reference, metric.unit),
        "difference": cells.change(value.model - value.reference, metric.unit),
        "ratio": cells.ratio(value.ratio),
        "interval": cells.ratio_ends(value.interval),
        "note": value.reason or flatters,
        "recovered": cells.ratio(value.gap_recovered),
        "recovered_interval": cells.ratio_ends(value.gap_interval),
        "at_least": "not gated" if entry.at_least is None else percent(entry.at_least),
        "outcome": entry.outcome or "",
    }
