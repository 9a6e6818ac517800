"""Results -> pictures for the report. Computes no metric: a chart shows values that are there.

To add a chart: a module with the functions `draw`, `alt` and `table`, and a row in `CHARTS`. The tests over the table
then cover it. Importing this package loads no matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.charts import (
    category_heatmap,
    change,
    classification,
    cluster_purity,
    cohens_d,
    false_positives,
    learning_rate,
    roc,
    score_distributions,
    training_curves,
    umap,
)
from harness.report.charts.style import Chart, draw_file
from harness.report.types import RenderedChart

if TYPE_CHECKING:
    from harness.report.types import Report

__all__ = ["CHARTS", "Chart", "render"]

CHARTS: dict[str, Chart] = {
    "score_distributions": Chart(
        title="Score distributions by label",
        question="Do positive pairs score higher than negative ones, and where would a threshold cut?",
        draw=score_distributions.draw,
        alt=score_distributions.alt,
        table=score_distributions.table,
    ),
    "roc": Chart(
        title="ROC curves",
        question="How many false positives does each true positive rate cost?",
        draw=roc.draw,
        alt=roc.alt,
        table=roc.table,
    ),
    "cohens_d": Chart(
        title="Cohen's d",
        question="How many standard deviations lie between positive and negative scores?",
        draw=cohens_d.draw,
        alt=cohens_d.alt,
        table=cohens_d.table,
    ),
    "classification": Chart(
        title="Classification at the best-F1 threshold",
        question="How good is the best single threshold, and is it better than calling every pair positive?",
        draw=classification.draw,
        alt=classification.alt,
        table=classification.table,
    ),
    "false_positives": Chart(
        title="False positives by pair type",
        question="Which kinds of negative pairs pass for positive at the best-F1 threshold?",
        draw=false_positives.draw,
        alt=false_positives.alt,
        table=false_positives.table,
    ),
    "category_heatmap": Chart(
        title="AUC-ROC by category",
        question="In which categories does a model rank the pairs well, and in which the wrong way round?",
        draw=category_heatmap.draw,
        alt=category_heatmap.alt,
        table=category_heatmap.table,
    ),
    "cluster_purity": Chart(
        title="Cluster purity",
        question="Do pairs of one label lie together, and how many pairs lie in no cluster at all?",
        draw=cluster_purity.draw,
        alt=cluster_purity.alt,
        table=cluster_purity.table,
    ),
    "training_curves": Chart(
        title="Training curves",
        question="Did the training learn, and had it finished? (Measured after each epoch, never used to choose one.)",
        draw=training_curves.draw,
        alt=training_curves.alt,
        table=training_curves.table,
    ),
    "learning_rate": Chart(
        title="The learning rate",
        question="What does the adapter learn at the rate of full fine-tuning, at ten times that rate, and at its own?",
        draw=learning_rate.draw,
        alt=learning_rate.alt,
        table=learning_rate.table,
        wide=True,
    ),
    "umap": Chart(
        title="UMAP of the pairs",
        question="Do the labels separate? A picture only: it moves with seed and version, and gates nothing.",
        draw=umap.draw,
        alt=umap.alt,
        table=umap.table,
        wide=True,
        points=umap.points,
    ),
    "change": Chart(
        title="Changes since the stored baseline",
        question="Which pairs moved, which regressed (right then, wrong now) and which were fixed? "
        "(Each score is judged at the best-F1 threshold of its own model.)",
        draw=change.draw,
        alt=change.alt,
        table=change.table,
        wide=True,
        empty=change.empty,
    ),
}
"""Every chart by its key, in the order of reports."""


def render(report: Report) -> list[RenderedChart]:
    """Return every chart of a case that has something to show, or whose absence has a reason to be told.

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
                table=chart.table(report),
                wide=chart.wide,
                points=drawing.points if drawing else None,
            )
        )
    return rendered
