"""A model's performance relative to another one's, metric by metric: one ratio hides the others."""

from typing import Any

from harness.metrics import METRICS
from harness.report import cells
from harness.report.types import Report
from harness.results import RelativeEntry
from harness.text import percent


def relative_performance(report: Report) -> list[dict[str, Any]]:
    """Return a table for each two models that the case compares, with a row for each metric."""
    entries = report.case.relative_performance
    return [
        {
            "model": model,
            "reference": reference,
            "rows": [_row(entry) for entry in entries if (entry.model, entry.reference) == (model, reference)],
        }
        for model, reference in dict.fromkeys((entry.model, entry.reference) for entry in entries)
    ]


def _row(entry: RelativeEntry) -> dict[str, str]:
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
