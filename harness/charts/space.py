"""Where the pairs lie in each model's space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.charts.style import LABEL_COLOURS, LABELS, legend_below, panels, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from harness.report import CaseReport

_MOST_POINTS = 1500  # in a panel: more would only cover each other, and make the file heavy
_PANEL = 3.5  # width in inches
_MARKERS = {1: "o", 0: "x"}


def umap(report: CaseReport) -> Figure | None:
    """A plane per model, side by side on one scale, coloured by label."""
    planes = {model: report.planes[model] for model in report.measured if model in report.planes}
    drawn = _drawn(report)
    if not planes:
        return None
    planes = {model: _centred(plane) for model, plane in planes.items()}
    # Centred: twice the farthest point is the extent that holds every plane.
    width, height = 2 * np.max([np.nanmax(np.abs(plane), axis=0, initial=0) for plane in planes.values()], axis=0)
    ratio = float(np.clip(height / width, 0.5, 1.3)) if width > 0 else 1.0
    figure, grid = panels(1, len(planes), 0.4 + _PANEL * len(planes), 1.3 + _PANEL * ratio, sharex=True, sharey=True)
    labels = report.pairs.labels[drawn]
    for axes, (model, plane) in zip(grid[0], planes.items(), strict=True):
        for label, name in LABELS.items():
            axes.scatter(
                *plane[drawn][labels == label].T,
                s=16,
                marker=_MARKERS[label],
                color=LABEL_COLOURS[label],
                alpha=0.75,
                linewidths=0.9 if label == 0 else 0,
                label=name,
            )
        axes.set(title=shown(model), xlabel="UMAP 1 (no unit)", aspect="equal")
    grid[0, 0].set_ylabel("UMAP 2 (no unit)")
    legend_below(figure)
    return figure


def umap_alt(report: CaseReport) -> str:
    """What is shown; the separation that it hints at is measured elsewhere."""
    labels = report.pairs.labels[_drawn(report)]
    models = ", ".join(model for model in report.measured if model in report.planes)
    return (
        f"One plane each for {models}, with {np.count_nonzero(labels == 1):,} positive and "
        f"{np.count_nonzero(labels == 0):,} negative of {len(report.pairs):,} pairs. "
        "Cluster purity puts a number on what it shows."
    )


def _drawn(report: CaseReport) -> NDArray[np.int64]:
    """The pairs to draw: all, or where they are too many, evenly chosen ones."""
    count = len(report.pairs)
    return np.linspace(0, count - 1, min(count, _MOST_POINTS)).round().astype(np.int64)


def _centred(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where a plane lies means nothing; centred, all planes share one scale without empty space."""
    finite = plane[np.isfinite(plane).all(axis=1)]
    return plane - (finite.min(axis=0) + finite.max(axis=0)) / np.float32(2) if len(finite) else plane
