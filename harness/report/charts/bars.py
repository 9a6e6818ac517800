"""Bars, one a model: Cohen's d, the values at the best-F1 threshold, and the purity of the clusters."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from harness.report.cells import value as cell
from harness.report.charts.style import INK, PLATE, WIDTH, Figure, legend_below, panels, short, shown
from harness.report.types import DataTable, Report

_AT_THRESHOLD = ("accuracy", "precision", "recall")
_NO_SKILL = "F1 of calling every pair positive"
_CLUSTERED = ("purity_noise_as_wrong", "noise_ratio")


def cohens_d(report: Report) -> Figure | None:
    """Draw the effect size of each model."""
    values = report.values("cohens_d")
    if all(map(math.isnan, values.values())):
        return None
    figure, axes = panels(WIDTH, 0.75 + 0.4 * len(values))
    lengths = [0 if math.isnan(value) else value for value in values.values()]
    bars = axes.barh([shown(model) for model in values], lengths, color=[report.colours[model] for model in values])
    axes.bar_label(bars, ["undefined" if math.isnan(v) else short(v) for v in values.values()], padding=4)
    axes.invert_yaxis()
    axes.axvline(0, color=INK, linewidth=1)
    axes.margins(x=0.15)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Cohen's d (pooled standard deviations)")
    return figure


def cohens_d_table(report: Report) -> DataTable:
    """Return a row for each model."""
    values = report.values("cohens_d")
    return DataTable(("Model", "Cohen's d"), tuple((model, cell(value)) for model, value in values.items()))


def classification(report: Report) -> Figure | None:
    """Draw four values at each model's threshold, and the F1 of the trivial classifier."""
    return _fractions(
        report,
        report.numbers("best_f1", *_AT_THRESHOLD),
        groups=("F1", *_AT_THRESHOLD),
        label="value at each model's own threshold",
        no_skill=(report.shared_detail("best_f1", "floor"), _NO_SKILL),
        compared=1,
    )


def classification_table(report: Report) -> DataTable:
    """Return a row for each model."""
    rows = report.numbers("best_f1", *_AT_THRESHOLD, "threshold").items()
    return DataTable(
        headers=("Model", "Threshold", "F1", "Accuracy", "Precision", "Recall"),
        rows=tuple((model, *map(cell, (threshold, *values))) for model, (*values, threshold) in rows),
        note=f"{_NO_SKILL}: {cell(report.shared_detail('best_f1', 'floor'))}.",
    )


def cluster_purity(report: Report) -> Figure | None:
    """Draw the purity of the clustered pairs, that with noise counted as wrong, and the noise ratio."""
    return _fractions(
        report,
        report.numbers("cluster_purity", *_CLUSTERED),
        groups=("purity of\nclustered pairs", "purity, noise\ncounted as wrong", "noise ratio"),
        label="fraction of pairs",
        no_skill=(report.shared_detail("cluster_purity", "majority_share"), "fraction of the more frequent label"),
        compared=2,
    )


def cluster_purity_table(report: Report) -> DataTable:
    """Return a row for each model."""
    details = report.details("cluster_purity")
    rows = report.numbers("cluster_purity", *_CLUSTERED).items()
    return DataTable(
        headers=("Model", "Clusters", "Purity of clustered pairs", "Purity, noise counted as wrong", "Noise ratio"),
        rows=tuple(
            (model, str(details[model].get("cluster_count", "undefined")), *map(cell, values)) for model, values in rows
        ),
        note=f"Fraction of the more frequent label: {cell(report.shared_detail('cluster_purity', 'majority_share'))}.",
    )


def _fractions(
    report: Report,
    values: Mapping[str, Sequence[float]],
    *,
    groups: Sequence[str],
    label: str,
    no_skill: tuple[float, str],
    compared: int,
) -> Figure | None:
    """Draw values in [0, 1], a group of bars for each of `groups`, a bar a model; None where all are undefined.

    The line of the trivial classifier crosses the first `compared` groups, unless it is undefined.
    """
    if all(math.isnan(value) for of_model in values.values() for value in of_model):
        return None
    figure, axes = panels(WIDTH, 3.4)
    width = 0.84 / max(len(values), 1)
    for index, (model, heights) in enumerate(values.items()):
        at = np.arange(len(groups)) + (index - (len(values) - 1) / 2) * width
        finite = [0.0 if math.isnan(height) else height for height in heights]
        bars = axes.bar(at, finite, width * 0.94, color=report.colours[model], label=shown(model))
        words = ["undefined" if math.isnan(height) else short(height) for height in heights]
        crowded = len(values) * len(groups) > 12 or "undefined" in words
        axes.bar_label(bars, words, padding=2, fontsize=8, rotation=90 if crowded else 0, bbox=PLATE)
    axes.set_xticks(range(len(groups)), groups)
    axes.grid(visible=False, axis="x")
    trivial, name = no_skill
    if not math.isnan(trivial):
        axes.plot([-0.47, compared - 0.53], [trivial, trivial], color=INK, linestyle="--", linewidth=1.4)
        axes.set_title(f"dashed: {name}, {trivial:.3f}", fontsize=9)
    axes.set(ylim=(0, 1.12), ylabel=label)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    legend_below(figure)
    return figure
