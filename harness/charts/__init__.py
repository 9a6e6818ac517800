"""Results -> pictures for the report. Computes no metric: a chart shows values that are there.

To add a chart: write a draw function and an alt function in one of the modules, and a row in `CHARTS`. The tests over
the table then cover it. Importing this package loads no matplotlib.
"""

from __future__ import annotations

from harness.charts.categories import (
    category_heatmap,
    category_heatmap_alt,
    false_positives,
    false_positives_alt,
)
from harness.charts.scores import roc, roc_alt, score_distributions, score_distributions_alt
from harness.charts.space import umap, umap_alt
from harness.charts.style import Chart, draw_file
from harness.charts.training import training_curves, training_curves_alt
from harness.charts.values import (
    classification,
    classification_alt,
    cluster_purity,
    cluster_purity_alt,
    cohens_d,
    cohens_d_alt,
)
from harness.report import CaseReport, RenderedChart

__all__ = ["CHARTS", "Chart", "RenderedChart", "render"]

CHARTS: dict[str, Chart] = {
    "score_distributions": Chart(
        title="Score distributions by label",
        question="Do positive pairs score higher than negative ones, and where would a threshold cut?",
        draw=score_distributions,
        alt=score_distributions_alt,
    ),
    "roc": Chart(
        title="ROC curves",
        question="How many false alarms does each share of found positives cost?",
        draw=roc,
        alt=roc_alt,
    ),
    "cohens_d": Chart(
        title="Cohen's d",
        question="How many standard deviations lie between positive and negative scores?",
        draw=cohens_d,
        alt=cohens_d_alt,
    ),
    "classification": Chart(
        title="Classification at the best-F1 threshold",
        question="How good is the best single threshold, and is it better than calling every pair positive?",
        draw=classification,
        alt=classification_alt,
    ),
    "false_positives": Chart(
        title="False positives by pair type",
        question="Which kinds of negative pairs pass for positive at the best-F1 threshold?",
        draw=false_positives,
        alt=false_positives_alt,
    ),
    "category_heatmap": Chart(
        title="AUC-ROC by category",
        question="In which categories does a model rank the pairs well, and in which the wrong way round?",
        draw=category_heatmap,
        alt=category_heatmap_alt,
    ),
    "cluster_purity": Chart(
        title="Cluster purity",
        question="Do pairs of one label lie together, and how many pairs lie in no cluster at all?",
        draw=cluster_purity,
        alt=cluster_purity_alt,
    ),
    "training_curves": Chart(
        title="Training curves",
        question="Did the training learn, and had it finished? (Measured after each epoch, never used to choose one.)",
        draw=training_curves,
        alt=training_curves_alt,
    ),
    "umap": Chart(
        title="UMAP of the pairs",
        question="Do the labels separate? A picture only: it moves with seed and version, and gates nothing.",
        draw=umap,
        alt=umap_alt,
        wide=True,
    ),
}
"""Every chart by its key, in the order of reports."""


def render(report: CaseReport) -> list[RenderedChart]:
    """Every chart of a case that has something to show. The same report gives the same bytes."""
    rendered = []
    for name, chart in CHARTS.items():
        content = draw_file(chart, report)
        if content is not None:
            rendered.append(
                RenderedChart(
                    name=name,
                    title=chart.title,
                    question=chart.question,
                    alt=f"{chart.title}. {chart.alt(report)}",
                    content=content,
                    mime="image/svg+xml",
                    wide=chart.wide,
                )
            )
    return rendered
