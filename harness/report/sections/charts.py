"""The charts, each with its question and its numbers."""

from typing import Any

from harness.report.links import figure_id
from harness.report.types import Report


def charts(report: Report) -> list[dict[str, Any]]:
    """Return the drawn charts, each with the id of its figure."""
    return [{"id": figure_id(report.name, chart.name), "chart": chart} for chart in report.charts]
