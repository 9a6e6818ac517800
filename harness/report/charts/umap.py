"""The pairs in each model's space."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.report.cells import value as cell
from harness.report.charts.style import (
    LABELS,
    PANEL,
    PANELS,
    Figure,
    evenly,
    label_marks,
    legend_below,
    model_grid,
    shown,
)
from harness.report.types import DataTable, Report
from harness.text import cut, in_html

_MOST_POINTS = 1500  # in a panel, evenly chosen: more would only cover each other, and make the file heavy
_MOST_ROWS = 20  # in the table: more coordinates without a unit would say no more
_LONGEST_TEXT = 200  # characters of a text that reading a point shows


def draw(report: Report) -> Figure | None:
    """Draw a plane per model, side by side on one scale, coloured by label."""
    planes, drawn = _planes(report), evenly(len(report.pairs), _MOST_POINTS)
    if not planes:
        return None
    # Centred: twice the farthest point is the extent that holds every plane.
    width, height = 2 * np.max([np.nanmax(np.abs(plane), axis=0, initial=0) for plane in planes.values()], axis=0)
    ratio = float(np.clip(height / width, 0.5, 1.3)) if width > 0 else 1.0
    figure, panels = model_grid(
        len(planes),
        PANEL,
        0.3 + PANEL * ratio,
        columns=PANELS,
        labels=("UMAP 1 (no unit)", "UMAP 2 (no unit)"),
        more=0.7,
    )
    labels = report.labels[drawn]
    for axes, (model, plane) in zip(panels, planes.items(), strict=True):
        for label, style in label_marks(16, 0.75, "{}"):
            axes.scatter(*plane[drawn][labels == label].T, **style)
        axes.set(title=shown(model), aspect="equal")
    legend_below(figure)
    return figure


def summary(report: Report) -> str:
    """Return the numbers of pairs; the separation that the picture hints at is measured elsewhere."""
    labels = report.labels[evenly(len(report.pairs), _MOST_POINTS)]
    models = ", ".join(_planes(report))
    return (
        f"One plane each for {models}, with {np.count_nonzero(labels == 1):,} positive and "
        f"{np.count_nonzero(labels == 0):,} negative of {len(report.pairs):,} pairs. "
        "Cluster purity puts a number on what it shows."
    )


def table(report: Report) -> DataTable:
    """Return the coordinates of a few pairs."""
    planes, of, rows = _planes(report), report.pairs, evenly(len(report.pairs), _MOST_ROWS)
    return DataTable(
        headers=("Pair (line of the file)", "Label", *(f"{model} {axis}" for model in planes for axis in ("x", "y"))),
        rows=tuple(
            (f"{row + 1:,}", LABELS[of.label[row]], *(cell(float(x)) for plane in planes.values() for x in plane[row]))
            for row in rows.tolist()
        ),
        note=f"{len(rows):,} of {len(of):,} pairs, evenly chosen: coordinates have no unit, and their place "
        "means nothing. The pairs that a model gets wrong are in a table of their own below.",
    )


def points(report: Report, figure: Figure) -> Mapping[str, Any]:
    """Return the place of each drawn pair, as fractions of the picture's width and height, and its texts."""
    planes, drawn, of = _planes(report), evenly(len(report.pairs), _MOST_POINTS), report.pairs
    where: dict[str, list[list[float] | None]] = {}
    for axes, (model, plane) in zip(figure.axes, planes.items(), strict=True):
        places = figure.transFigure.inverted().transform(axes.transData.transform(plane[drawn]))
        places[:, 1] = 1 - places[:, 1]
        where[model] = [row.tolist() if np.isfinite(row).all() else None for row in places.round(4)]
    pairs = [
        {
            "line": row + 1,
            "texts": [
                in_html("\n".join(filter(None, cut(text, _LONGEST_TEXT)))) for text in (of.text_1[row], of.text_2[row])
            ],
            "label": f"{of.label[row]} ({LABELS[of.label[row]]})",
            "type": in_html(cut(of.pair_type[row], _LONGEST_TEXT)[0]),
            "scores": [cell(report.scores[model][row]) for model in planes],
            "at": [where[model][at] for model in planes],
        }
        for at, row in enumerate(drawn.tolist())
    ]
    return {"models": list(planes), "pairs": pairs}


def _planes(report: Report) -> dict[str, NDArray[np.float64]]:
    projections = report.pairs.projections
    return {model: _centred(np.array(projections[model])) for model in report.models if model in projections}


def _centred(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre a plane: its place means nothing, and centred, all planes share one scale without empty space."""
    finite = plane[np.isfinite(plane).all(axis=1)]
    return plane - (finite.min(axis=0) + finite.max(axis=0)) / 2 if len(finite) else plane
