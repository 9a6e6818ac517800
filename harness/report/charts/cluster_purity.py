"""The purity of each model's clusters, and its noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.report.cells import value as cell
from harness.report.charts.style import INK, WIDTH, grouped_bars, legend_below, panels, share_axis, shared_detail
from harness.report.types import DataTable
from harness.text import number as worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.report.types import Report


def draw(report: Report) -> Figure | None:
    """Draw the purity of the clustered pairs, that with noise counted as wrong, and the noise ratio."""
    rows = _purity(report)
    if all(math.isnan(value) for values in rows.values() for value in values):
        return None
    figure, grid = panels(1, 1, WIDTH, 3.6)
    axes = grid[0, 0]
    grouped_bars(
        axes, ["purity of\nclustered pairs", "purity, noise\ncounted as wrong", "noise ratio"], rows, report.colours
    )
    majority = shared_detail(report, "cluster_purity", "majority_share")
    if not math.isnan(majority):
        axes.plot([-0.47, 1.47], [majority, majority], color=INK, linestyle="--", linewidth=1.4)
        axes.set_title(f"dashed: fraction of the more frequent label, {majority:.3f}", fontsize=9)
    share_axis(axes, "fraction of pairs")
    legend_below(figure)
    return figure


def alt(report: Report) -> str:
    """Return purity, noise and number of clusters of each model."""
    parts = []
    for model, (purity, with_noise, noise) in _purity(report).items():
        clusters = report.models[model].metrics["cluster_purity"].details.get("cluster_count", "no")
        parts.append(
            f"{model} purity {worded(purity)} in {clusters} clusters, {worded(with_noise)} with noise counted as "
            f"wrong, noise ratio {worded(noise)}"
        )
    return "; ".join(parts) + "."


def table(report: Report) -> DataTable:
    """Return a row for each model."""
    clusters = {
        model: str(details.get("cluster_count", "undefined"))
        for model, details in report.details("cluster_purity").items()
    }
    return DataTable(
        headers=("Model", "Clusters", "Purity of clustered pairs", "Purity, noise counted as wrong", "Noise ratio"),
        rows=tuple((model, clusters[model], *map(cell, values)) for model, values in _purity(report).items()),
        note=f"Fraction of the more frequent label: {cell(shared_detail(report, 'cluster_purity', 'majority_share'))}.",
    )


def _purity(report: Report) -> dict[str, list[float]]:
    values = report.values("cluster_purity")
    return {
        model: [
            values[model],
            details.get("purity_noise_as_wrong", math.nan),
            details.get("noise_ratio", math.nan),
        ]
        for model, details in report.details("cluster_purity").items()
    }
