"""Where the pairs lie in each model's space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.charts.style import LABEL_COLOURS, LABELS, MARKERS, PANEL, cell, evenly, legend_below, panels, shown
from harness.report import DataTable, cut, in_html

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from harness.report import CaseReport

_MOST_POINTS = 1500  # in a panel: more would only cover each other, and make the file heavy
_MOST_ROWS = 20  # in the table: more coordinates without a unit would say no more
_LONGEST_TEXT = 200  # characters of a text that reading a point shows


def umap(report: CaseReport) -> Figure | None:
    """A plane per model, side by side on one scale, coloured by label."""
    planes, drawn = _planes(report), _drawn(report)
    if not planes:
        return None
    # Centred: twice the farthest point is the extent that holds every plane.
    width, height = 2 * np.max([np.nanmax(np.abs(plane), axis=0, initial=0) for plane in planes.values()], axis=0)
    ratio = float(np.clip(height / width, 0.5, 1.3)) if width > 0 else 1.0
    figure, grid = panels(1, len(planes), 0.4 + PANEL * len(planes), 1.3 + PANEL * ratio, sharex=True, sharey=True)
    labels = report.pairs.labels[drawn]
    for axes, (model, plane) in zip(grid[0], planes.items(), strict=True):
        for label, name in LABELS.items():
            axes.scatter(
                *plane[drawn][labels == label].T,
                s=16,
                marker=MARKERS[label],
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


def umap_table(report: CaseReport) -> DataTable:
    """The coordinates of a few pairs."""
    planes, rows = _planes(report), evenly(len(report.pairs), _MOST_ROWS)
    return DataTable(
        headers=("Pair (line of the file)", "Label", *(f"{model} {axis}" for model in planes for axis in ("x", "y"))),
        rows=tuple(
            (
                f"{row + 1:,}",
                LABELS[report.pairs.pairs[row].label],
                *(cell(float(value)) for plane in planes.values() for value in plane[row]),
            )
            for row in rows.tolist()
        ),
        note=f"{len(rows):,} of {len(report.pairs):,} pairs, evenly chosen: coordinates have no unit, and their place "
        "means nothing. The pairs that a model gets wrong are in a table of their own below.",
    )


def umap_points(report: CaseReport, figure: Figure) -> Mapping[str, Any]:
    """Where each pair was drawn, as shares of the picture's width and height, and what it says."""
    planes, drawn = _planes(report), _drawn(report)
    where: dict[str, list[list[float] | None]] = {}
    for axes, (model, plane) in zip(figure.axes, planes.items(), strict=True):
        shares = figure.transFigure.inverted().transform(axes.transData.transform(plane[drawn]))
        shares[:, 1] = 1 - shares[:, 1]
        where[model] = [row.tolist() if np.isfinite(row).all() else None for row in shares.round(4)]
    scores = {model: report.runs[model].evaluation.scores for model in planes}
    pairs = []
    for at, row in enumerate(drawn.tolist()):
        pair = report.pairs.pairs[row]
        pairs.append(
            {
                "line": row + 1,
                "texts": [
                    in_html("\n".join(filter(None, cut(text, _LONGEST_TEXT)))) for text in (pair.text_1, pair.text_2)
                ],
                "label": f"{pair.label} ({LABELS[pair.label]})",
                "type": in_html(cut(pair.pair_type, _LONGEST_TEXT)[0]),
                "scores": [cell(scores[model][row]) for model in planes],
                "at": [where[model][at] for model in planes],
            }
        )
    return {"models": list(planes), "pairs": pairs}


def _planes(report: CaseReport) -> dict[str, NDArray[np.float32]]:
    return {model: _centred(report.planes[model]) for model in report.measured if model in report.planes}


def _drawn(report: CaseReport) -> NDArray[np.int64]:
    """The pairs to draw: all, or where they are too many, evenly chosen ones."""
    return evenly(len(report.pairs), _MOST_POINTS)


def _centred(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where a plane lies means nothing; centred, all planes share one scale without empty space."""
    finite = plane[np.isfinite(plane).all(axis=1)]
    return plane - (finite.min(axis=0) + finite.max(axis=0)) / np.float32(2) if len(finite) else plane
