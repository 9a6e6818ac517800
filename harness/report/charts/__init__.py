"""Results -> pictures for the report. Computes no metric: a chart shows values that are there.

To add a chart: a function that draws it, one that returns its numbers, and a row in `CHARTS`. The tests over the table
then cover it. Importing this package loads no matplotlib.
"""

from collections.abc import Mapping

from harness.report.charts import (
    bars,
    category_heatmap,
    change,
    false_positives,
    roc,
    score_distributions,
    strategies,
    training,
    umap,
)
from harness.report.charts.style import Chart, R, draw_file
from harness.report.types import RenderedChart, Report

CHARTS: dict[str, Chart[Report]] = {
    "score_distributions": Chart(
        "Score distributions by label",
        "Do positive pairs score higher than negative ones, and where would a threshold cut?",
        score_distributions.draw,
        score_distributions.table,
        summary=score_distributions.summary,
    ),
    "roc": Chart(
        "ROC curves",
        "How many false positives does each true positive rate cost?",
        roc.draw,
        roc.table,
        summary=roc.summary,
    ),
    "cohens_d": Chart(
        "Cohen's d",
        "How many standard deviations lie between positive and negative scores?",
        bars.cohens_d,
        bars.cohens_d_table,
    ),
    "classification": Chart(
        "Classification at the best-F1 threshold",
        "How good is the best single threshold, and is it better than calling every pair positive?",
        bars.classification,
        bars.classification_table,
    ),
    "false_positives": Chart(
        "False positives by pair type",
        "Which kinds of negative pairs pass for positive at the best-F1 threshold?",
        false_positives.draw,
        false_positives.table,
    ),
    "category_heatmap": Chart(
        "AUC-ROC by category",
        "In which categories does a model rank the pairs well, and in which the wrong way round?",
        category_heatmap.draw,
        category_heatmap.table,
    ),
    "cluster_purity": Chart(
        "Cluster purity",
        "Do pairs of one label lie together, and how many pairs lie in no cluster at all?",
        bars.cluster_purity,
        bars.cluster_purity_table,
    ),
    "training_curves": Chart(
        "Training curves",
        "Did the training learn, and had it finished? (Measured after each epoch, never used to choose one.)",
        training.curves,
        training.curves_table,
    ),
    "learning_rate": Chart(
        "The learning rate",
        "What does the adapter learn at the rate of full fine-tuning, at ten times that rate, and at its own?",
        training.learning_rate,
        training.learning_rate_table,
        wide=True,
    ),
    "retrieval": Chart(
        "Retrieval",
        "Which strategy finds the relevant documents first?",
        strategies.retrieval,
        strategies.retrieval_table,
    ),
    "rank": Chart(
        "The rank of the adapter",
        "Does a higher rank make the adapter better, or is its own enough?",
        strategies.rank,
        strategies.rank_table,
    ),
    "umap": Chart(
        "UMAP of the pairs",
        "Do the labels separate? A picture only: it moves with seed and version, and gates nothing.",
        umap.draw,
        umap.table,
        summary=umap.summary,
        wide=True,
        points=umap.points,
    ),
    "change": Chart(
        "Changes since the stored baseline",
        "Which pairs moved, which regressed (right then, wrong now) and which were fixed? "
        "(Each score is judged at the best-F1 threshold of its own model.)",
        change.draw,
        change.table,
        wide=True,
        empty=change.empty,
    ),
}
"""Every chart by its key, in the order of reports."""


def render(report: Report) -> list[RenderedChart]:
    """Return every chart of a case that has something to show, or whose absence has a reason to be told.

    The same report gives the same bytes.
    """
    return render_all(CHARTS, report)


def render_all(charts: Mapping[str, Chart[R]], report: R) -> list[RenderedChart]:
    """Return the charts of a table as `render` does."""
    rendered = []
    for name, chart in charts.items():
        content, points = draw_file(chart, report)
        reason = "" if content else chart.empty(report)
        if content or reason:
            rendered.append(
                RenderedChart(
                    name=name,
                    title=chart.title,
                    question=chart.question,
                    alt=reason or f"{chart.title}. {chart.alt(report)}",
                    content=content,
                    table=chart.table(report),
                    wide=chart.wide,
                    points=points,
                )
            )
    return rendered
