"""How the scores of each model spread, and what a threshold on them costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.charts.style import (
    INK,
    LABEL_COLOURS,
    LABELS,
    QUIET,
    WIDTH,
    cell,
    evenly,
    legend_below,
    panels,
    shown,
    worded,
)
from harness.report import DataTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from harness.report import CaseReport

_BINS = 40
_MOST_POINTS = 20  # of a curve in its table


def score_distributions(report: CaseReport) -> Figure | None:
    """A histogram per label and model, above each other on one scale, with the best-F1 threshold."""
    from matplotlib.ticker import PercentFormatter

    scores = {model: _by_label(report, model) for model in report.measured}
    edges = _edges(scores)
    if edges is None:
        return None
    figure, grid = panels(len(scores), 1, WIDTH, 0.9 + 1.45 * len(scores), sharex=True, sharey=True)
    for axes, (model, by_label) in zip(grid[:, 0], scores.items(), strict=True):
        for label, values in by_label.items():
            axes.hist(
                values,
                edges,
                weights=np.full(len(values), 1 / max(len(values), 1)),
                histtype="stepfilled",
                facecolor=LABEL_COLOURS[label] + "66",
                edgecolor=LABEL_COLOURS[label],
                hatch="" if label else "////",
                label=LABELS[label],
            )
        details = report.runs[model].evaluation.metrics["best_f1"].details
        if "threshold" in details:
            axes.axvline(details["threshold"], color=INK, linestyle="--", linewidth=1.2, label="best-F1 threshold")
        axes.set_title(f"{shown(model)}: {_threshold(report, model)}")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.supylabel("share of the label's pairs", fontsize=10)
    grid[-1, 0].set_xlabel("score (cosine similarity)")
    legend_below(figure)
    return figure


def score_distributions_alt(report: CaseReport) -> str:
    """Mean score per label, and the threshold, of each model."""
    parts = []
    for model, run in report.measured.items():
        details = run.evaluation.metrics["margin"].details
        means = (
            f"mean positive {worded(details['mean_positive'])}, mean negative {worded(details['mean_negative'])}"
            if details
            else "means undefined"
        )
        parts.append(f"{model}: {means}, {_threshold(report, model)}")
    return "; ".join(parts) + "."


def score_distributions_table(report: CaseReport) -> DataTable:
    """How many pairs lie in each bin of the histograms."""
    scores = {model: _by_label(report, model) for model in report.measured}
    edges = _edges(scores)
    counts = [] if edges is None else [np.histogram(v, edges)[0] for by in scores.values() for v in by.values()]
    bins = [] if edges is None else list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    return DataTable(
        headers=("Score from", "to below", *(f"{model}, {LABELS[label]}" for model in scores for label in LABELS)),
        rows=tuple((cell(a), cell(b), *(f"{n[at]:,}" for n in counts)) for at, (a, b) in enumerate(bins)),
        note="Pairs in each bin; the last bin holds its upper end as well.",
    )


def roc(report: CaseReport) -> Figure | None:
    """A curve per model, with the diagonal of chance."""
    curves = {model: run.evaluation.metrics["auc_roc"] for model, run in report.measured.items()}
    if not any("fpr" in result.details for result in curves.values()):
        return None
    figure, grid = panels(1, 1, WIDTH, 5.4)
    axes = grid[0, 0]
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", linewidth=1.2, label="chance, AUC 0.500")
    for still_to_come, (model, result) in zip(reversed(range(len(curves))), curves.items(), strict=True):
        axes.plot(
            result.details.get("fpr", []),
            result.details.get("tpr", []),
            color=report.colours[model],
            # A curve that is exactly another one's, as an ignored adapter's is the base's, must not hide it.
            linewidth=min(1.6 + 0.8 * still_to_come, 4),
            label=f"{shown(model)}, AUC {worded(result.value)}",
        )
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect="equal",
        xlabel="false positive rate (share of negative pairs)",
        ylabel="true positive rate (share of positive pairs)",
    )
    legend_below(figure, columns=2)
    return figure


def roc_alt(report: CaseReport) -> str:
    """The area of each model."""
    areas = ", ".join(f"{m} {worded(run.evaluation.metrics['auc_roc'].value)}" for m, run in report.measured.items())
    return f"Area under the curve, where 0.5 is chance: {areas}."


def roc_table(report: CaseReport) -> DataTable:
    """Some points of each curve."""
    rows = []
    for model, run in report.measured.items():
        details = run.evaluation.metrics["auc_roc"].details
        fpr, tpr = details.get("fpr", []), details.get("tpr", [])
        rows += [(model, cell(fpr[at]), cell(tpr[at])) for at in evenly(len(fpr), _MOST_POINTS).tolist()]
    return DataTable(
        headers=("Model", "False positive rate", "True positive rate"),
        rows=tuple(rows),
        note=f"At most {_MOST_POINTS} points of each curve.",
    )


def _edges(scores: dict[str, dict[int, NDArray[np.float64]]]) -> NDArray[np.float64] | None:
    """Edges of the bins, the same for every model; None where no score is finite."""
    every = [values for by_label in scores.values() for values in by_label.values()]
    return np.histogram_bin_edges(np.concatenate(every), _BINS) if any(map(len, every)) else None


def _by_label(report: CaseReport, model: str) -> dict[int, NDArray[np.float64]]:
    """The finite scores of each label."""
    scores = np.asarray(report.runs[model].evaluation.scores, dtype=np.float64)
    return {label: scores[(report.pairs.labels == label) & np.isfinite(scores)] for label in LABELS}


def _threshold(report: CaseReport, model: str) -> str:
    details = report.runs[model].evaluation.metrics["best_f1"].details
    if "threshold" not in details:
        return "threshold undefined"
    return f"threshold {details['threshold']:.3f}" + (" (degenerate)" if details["degenerate"] else "")
