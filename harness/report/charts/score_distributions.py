"""The scores of each label under each model, and where a threshold would cut."""

import numpy as np
from numpy.typing import NDArray

from harness.report.cells import value as cell
from harness.report.charts.style import (
    INK,
    LABEL_COLOURS,
    LABELS,
    WIDTH,
    Figure,
    legend_below,
    model_grid,
    shown,
)
from harness.report.types import DataTable, Report

_BINS = 40
_ONE_COLUMN = 4  # models above each other; more of them stand in two columns


def draw(report: Report) -> Figure | None:
    """Draw a histogram per label and model, above each other on one scale, with the best-F1 threshold."""
    from matplotlib.ticker import PercentFormatter

    scores = {model: _by_label(report, model) for model in report.models}
    edges = _edges(scores)
    if edges is None:
        return None
    columns = 1 if len(scores) <= _ONE_COLUMN else 2
    figure, panels = model_grid(
        len(scores), WIDTH / columns, 1.05, columns=columns, labels=("score (cosine similarity)", ""), more=0.75
    )
    for axes, (model, by_label) in zip(panels, scores.items(), strict=True):
        for label, values in by_label.items():
            axes.hist(
                values,
                edges.tolist(),
                weights=np.full(len(values), 1 / max(len(values), 1)),
                histtype="stepfilled",
                facecolor=LABEL_COLOURS[label] + "66",
                edgecolor=LABEL_COLOURS[label],
                hatch="" if label else "////",
                label=LABELS[label],
            )
        details = report.models[model].metrics["best_f1"].details
        if "threshold" in details:
            axes.axvline(details["threshold"], color=INK, linestyle="--", linewidth=1.2, label="best-F1 threshold")
        words = _threshold(report, model)
        axes.set_title(f"{shown(model)}: {words if columns == 1 else words.removeprefix('threshold ')}")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.supylabel("of the label's pairs", fontsize=10)
    legend_below(figure)
    return figure


def summary(report: Report) -> str:
    """Return the mean score per label, and the threshold, of each model."""
    means = report.numbers("margin", "mean_positive", "mean_negative")
    parts = (
        f"{model}: mean positive {cell(positive)}, mean negative {cell(negative)}, {_threshold(report, model)}"
        for model, (_, positive, negative) in means.items()
    )
    return "; ".join(parts) + "."


def table(report: Report) -> DataTable:
    """Return the number of pairs in each bin of the histograms."""
    scores = {model: _by_label(report, model) for model in report.models}
    edges = _edges(scores)
    counts = [] if edges is None else [np.histogram(v, edges)[0] for by in scores.values() for v in by.values()]
    bins = [] if edges is None else list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    return DataTable(
        headers=("Score from", "to below", *(f"{model}, {LABELS[label]}" for model in scores for label in LABELS)),
        rows=tuple((cell(a), cell(b), *(f"{n[at]:,}" for n in counts)) for at, (a, b) in enumerate(bins)),
        note="Pairs in each bin; the last bin holds its upper end as well.",
    )


def _edges(scores: dict[str, dict[int, NDArray[np.float64]]]) -> NDArray[np.float64] | None:
    """Return the edges of the bins, the same for every model; None where no score is finite."""
    every = [values for by_label in scores.values() for values in by_label.values()]
    return np.histogram_bin_edges(np.concatenate(every), _BINS) if any(map(len, every)) else None


def _by_label(report: Report, model: str) -> dict[int, NDArray[np.float64]]:
    """Return the finite scores of each label."""
    scores = report.scores[model]
    return {label: scores[(report.labels == label) & np.isfinite(scores)] for label in LABELS}


def _threshold(report: Report, model: str) -> str:
    details = report.models[model].metrics["best_f1"].details
    if "threshold" not in details:
        return "threshold undefined"
    return f"threshold {details['threshold']:.3f}" + (" (degenerate)" if details["degenerate"] else "")
