"""The charts, each with its question and its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.report.links import figure_id

if TYPE_CHECKING:
    from harness.report.types import Report


def charts(report: Report) -> list[dict[str, Any]]:
    """Return the drawn charts, each with the id of its figure."""
    return [{"id": figure_id(report.name, chart.name), "chart": chart} for chart in report.charts]
