"""Each metric of each model, with what it is held against."""

from typing import Any

from harness.metrics import METRICS
from harness.report import cells
from harness.report.types import Report
from harness.results import MetricEntry
from harness.text import number, sentence


def metrics(report: Report) -> dict[str, Any]:
    """Return a row for each metric and a cell for each model."""
    if not report.models:
        return {}
    why = report.case.incomparable
    return {
        "models": cells.models(report, report.models),
        "incomparable": sentence(f"Nothing is compared with the baseline: {why}") if why else "",
        "rows": cells.rows(METRICS, report.models, lambda model, key: _cell(report.models[model].metrics[key], key)),
    }


def _cell(entry: MetricEntry, metric: str) -> dict[str, str]:
    unit = METRICS[metric].unit
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
        "tolerance": number(entry.tolerance, unit),
    }
