"""Single values of each model side by side: effect size, threshold metrics, clusters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.charts.style import INK, WIDTH, cell, grouped_bars, legend_below, panels, short, shown, worded
from harness.report import DataTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from harness.report import CaseReport

_CLASSIFICATION = ("accuracy", "precision", "recall")
_FLOOR = "F1 of calling every pair positive"


def cohens_d(report: CaseReport) -> Figure | None:
    """A bar per model."""
    values = _metric(report, "cohens_d")
    if all(map(math.isnan, values.values())):
        return None
    figure, grid = panels(1, 1, WIDTH, 1.3 + 0.45 * len(values))
    axes = grid[0, 0]
    bars = axes.barh(
        [shown(model) for model in values],
        [0 if math.isnan(value) else value for value in values.values()],
        color=[report.colours[model] for model in values],
    )
    axes.bar_label(bars, ["undefined" if math.isnan(v) else short(v) for v in values.values()], padding=4)
    axes.invert_yaxis()
    axes.axvline(0, color=INK, linewidth=1)
    axes.margins(x=0.15)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Cohen's d (pooled standard deviations)")
    return figure


def cohens_d_alt(report: CaseReport) -> str:
    """The effect size of each model."""
    return _listed(_metric(report, "cohens_d"), "standard deviations between positive and negative scores") + "."


def cohens_d_table(report: CaseReport) -> DataTable:
    """A row for each model."""
    values = _metric(report, "cohens_d")
    return DataTable(("Model", "Cohen's d"), tuple((model, cell(value)) for model, value in values.items()))


def classification(report: CaseReport) -> Figure | None:
    """F1, accuracy, precision and recall at each model's threshold, and the floor that F1 must beat."""
    rows = _classification(report)
    if all(math.isnan(values[0]) for values in rows.values()):
        return None
    figure, grid = panels(1, 1, WIDTH, 3.6)
    axes = grid[0, 0]
    grouped_bars(axes, ["F1", *_CLASSIFICATION], rows, report.colours)
    floor = _floor(report)
    if not math.isnan(floor):
        axes.plot([-0.47, 0.47], [floor, floor], color=INK, linestyle="--", linewidth=1.4)
        axes.set_title(f"dashed: {_FLOOR}, {floor:.3f}", fontsize=9)
    _share_axis(axes, "share, at each model's own threshold")
    legend_below(figure)
    return figure


def classification_alt(report: CaseReport) -> str:
    """The four values of each model, and the floor."""
    parts = [
        f"{model} F1 {worded(values[0])}, "
        + ", ".join(f"{name} {worded(value)}" for name, value in zip(_CLASSIFICATION, values[1:], strict=True))
        for model, values in _classification(report).items()
    ]
    return "; ".join(parts) + f". {_FLOOR}: {worded(_floor(report))}."


def classification_table(report: CaseReport) -> DataTable:
    """A row for each model."""
    thresholds = {
        model: run.evaluation.metrics["best_f1"].details.get("threshold", math.nan)
        for model, run in report.measured.items()
    }
    return DataTable(
        headers=("Model", "Threshold", "F1", "Accuracy", "Precision", "Recall"),
        rows=tuple((m, cell(thresholds[m]), *map(cell, values)) for m, values in _classification(report).items()),
        note=f"{_FLOOR}: {cell(_floor(report))}.",
    )


def cluster_purity(report: CaseReport) -> Figure | None:
    """Purity of the clustered pairs, purity with noise counted as wrong, and the share of noise."""
    rows = _purity(report)
    if all(math.isnan(value) for values in rows.values() for value in values):
        return None
    figure, grid = panels(1, 1, WIDTH, 3.6)
    axes = grid[0, 0]
    grouped_bars(
        axes, ["purity of\nclustered pairs", "purity, noise\ncounted as wrong", "noise ratio"], rows, report.colours
    )
    majority = _first(report, "cluster_purity", "majority_share")
    if not math.isnan(majority):
        axes.plot([-0.47, 1.47], [majority, majority], color=INK, linestyle="--", linewidth=1.4)
        axes.set_title(f"dashed: share of the more frequent label, {majority:.3f}", fontsize=9)
    _share_axis(axes, "share of pairs")
    legend_below(figure)
    return figure


def cluster_purity_alt(report: CaseReport) -> str:
    """Purity, noise and number of clusters of each model."""
    parts = []
    for model, (purity, with_noise, noise) in _purity(report).items():
        clusters = report.runs[model].evaluation.metrics["cluster_purity"].details.get("cluster_count", "no")
        parts.append(
            f"{model} purity {worded(purity)} in {clusters} clusters, {worded(with_noise)} with noise counted as "
            f"wrong, noise ratio {worded(noise)}"
        )
    return "; ".join(parts) + "."


def cluster_purity_table(report: CaseReport) -> DataTable:
    """A row for each model."""
    clusters = {
        model: str(run.evaluation.metrics["cluster_purity"].details.get("cluster_count", "undefined"))
        for model, run in report.measured.items()
    }
    return DataTable(
        headers=("Model", "Clusters", "Purity of clustered pairs", "Purity, noise counted as wrong", "Noise ratio"),
        rows=tuple((model, clusters[model], *map(cell, values)) for model, values in _purity(report).items()),
        note=f"Share of the more frequent label: {cell(_first(report, 'cluster_purity', 'majority_share'))}.",
    )


def _metric(report: CaseReport, metric: str) -> dict[str, float]:
    return {model: run.evaluation.metrics[metric].value for model, run in report.measured.items()}


def _classification(report: CaseReport) -> dict[str, list[float]]:
    rows = {}
    for model, run in report.measured.items():
        result = run.evaluation.metrics["best_f1"]
        rows[model] = [result.value, *(result.details.get(name, math.nan) for name in _CLASSIFICATION)]
    return rows


def _purity(report: CaseReport) -> dict[str, list[float]]:
    rows = {}
    for model, run in report.measured.items():
        result = run.evaluation.metrics["cluster_purity"]
        rows[model] = [
            result.value,
            result.details.get("purity_noise_as_wrong", math.nan),
            result.details.get("noise_ratio", math.nan),
        ]
    return rows


def _floor(report: CaseReport) -> float:
    return _first(report, "best_f1", "floor")


def _first(report: CaseReport, metric: str, detail: str) -> float:
    """A detail that is the same for every model, since it depends on the labels alone."""
    found = (run.evaluation.metrics[metric].details for run in report.measured.values())
    return next((float(details[detail]) for details in found if detail in details), math.nan)


def _share_axis(axes: Axes, label: str) -> None:
    axes.set(ylim=(0, 1.12), ylabel=label)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])


def _listed(values: dict[str, float], unit: str) -> str:
    return ", ".join(f"{model} {worded(value)}" for model, value in values.items()) + f" {unit}"
