"""Results -> pictures for the report. Computes no metric: a chart shows values that are there.

To add a chart: write a draw, an alt and a table function in one of the modules, and a row in `CHARTS`. The tests over
the table then cover it. Importing this package loads no matplotlib.
"""

from __future__ import annotations

from harness.charts.categories import (
    category_heatmap,
    category_heatmap_alt,
    category_heatmap_table,
    false_positives,
    false_positives_alt,
    false_positives_table,
)
from harness.charts.change import change, change_alt, change_table, why_not_compared
from harness.charts.rates import learning_rate, learning_rate_alt, learning_rate_table
from harness.charts.scores import (
    roc,
    roc_alt,
    roc_table,
    score_distributions,
    score_distributions_alt,
    score_distributions_table,
)
from harness.charts.space import umap, umap_alt, umap_points, umap_table
from harness.charts.style import Chart, draw_file
from harness.charts.training import training_curves, training_curves_alt, training_curves_table
from harness.charts.values import (
    classification,
    classification_alt,
    classification_table,
    cluster_purity,
    cluster_purity_alt,
    cluster_purity_table,
    cohens_d,
    cohens_d_alt,
    cohens_d_table,
)
from harness.report import CaseReport, RenderedChart

__all__ = ["CHARTS", "Chart", "RenderedChart", "render"]

CHARTS: dict[str, Chart] = {
    "score_distributions": Chart(
        title="Score distributions by label",
        question="Do positive pairs score higher than negative ones, and where would a threshold cut?",
        draw=score_distributions,
        alt=score_distributions_alt,
        table=score_distributions_table,
    ),
    "roc": Chart(
        title="ROC curves",
        question="How many false alarms does each share of found positives cost?",
        draw=roc,
        alt=roc_alt,
        table=roc_table,
    ),
    "cohens_d": Chart(
        title="Cohen's d",
        question="How many standard deviations lie between positive and negative scores?",
        draw=cohens_d,
        alt=cohens_d_alt,
        table=cohens_d_table,
    ),
    "classification": Chart(
        title="Classification at the best-F1 threshold",
        question="How good is the best single threshold, and is it better than calling every pair positive?",
        draw=classification,
        alt=classification_alt,
        table=classification_table,
    ),
    "false_positives": Chart(
        title="False positives by pair type",
        question="Which kinds of negative pairs pass for positive at the best-F1 threshold?",
        draw=false_positives,
        alt=false_positives_alt,
        table=false_positives_table,
    ),
    "category_heatmap": Chart(
        title="AUC-ROC by category",
        question="In which categories does a model rank the pairs well, and in which the wrong way round?",
        draw=category_heatmap,
        alt=category_heatmap_alt,
        table=category_heatmap_table,
    ),
    "cluster_purity": Chart(
        title="Cluster purity",
        question="Do pairs of one label lie together, and how many pairs lie in no cluster at all?",
        draw=cluster_purity,
        alt=cluster_purity_alt,
        table=cluster_purity_table,
    ),
    "training_curves": Chart(
        title="Training curves",
        question="Did the training learn, and had it finished? (Measured after each epoch, never used to choose one.)",
        draw=training_curves,
        alt=training_curves_alt,
        table=training_curves_table,
    ),
    "learning_rate": Chart(
        title="The learning rate",
        question="What does the adapter learn at the rate of full fine-tuning, at ten times that rate, and at its own?",
        draw=learning_rate,
        alt=learning_rate_alt,
        table=learning_rate_table,
        wide=True,
    ),
    "umap": Chart(
        title="UMAP of the pairs",
        question="Do the labels separate? A picture only: it moves with seed and version, and gates nothing.",
        draw=umap,
        alt=umap_alt,
        table=umap_table,
        wide=True,
        points=umap_points,
    ),
    "change": Chart(
        title="What changed since the stored baseline",
        question="Which pairs moved, and which were right and are wrong now, or the reverse? "
        "(Each score is judged at the best-F1 threshold of its own model.)",
        draw=change,
        alt=change_alt,
        table=change_table,
        wide=True,
        empty=why_not_compared,
    ),
}
"""Every chart by its key, in the order of reports."""


def render(report: CaseReport) -> list[RenderedChart]:
    """Every chart of a case that has something to show, or whose absence has a reason to be told.

    The same report gives the same bytes.
    """
    rendered = []
    for name, chart in CHARTS.items():
        drawing, reason = draw_file(chart, report), ""
        if drawing is None:
            reason = chart.empty(report)
            if not reason:
                continue
        rendered.append(
            RenderedChart(
                name=name,
                title=chart.title,
                question=chart.question,
                alt=reason or f"{chart.title}. {chart.alt(report)}",
                content=drawing.content if drawing else b"",
                mime="image/svg+xml",
                wide=chart.wide,
                table=chart.table(report),
                points=drawing.points if drawing else None,
            )
        )
    return rendered
