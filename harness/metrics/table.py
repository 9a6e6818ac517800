"""The table of metrics."""

from dataclasses import replace
from math import inf

from harness.metrics.auc_roc import auc_roc, weighted_auc_roc
from harness.metrics.best_f1 import best_f1, weighted_best_f1
from harness.metrics.cluster_purity import cluster_purity, purity_terms, weighted_cluster_purity
from harness.metrics.cohens_d import cohens_d, weighted_cohens_d
from harness.metrics.false_positives import false_positives, weighted_false_positives
from harness.metrics.margin import margin, weighted_margin
from harness.metrics.pearson import pearson
from harness.metrics.spearman import spearman, weighted_spearman
from harness.metrics.types import Metric, MetricResult, ScoredPairs


def _correlation(pairs: ScoredPairs) -> MetricResult:
    """Spearman's correlation with the grades, and beside it Pearson's; of pairs without grades, with the labels."""
    if pairs.grades is None:
        return spearman(pairs.scores, pairs.labels)
    linear = pearson(pairs.scores, pairs.grades)
    return replace(spearman(pairs.scores, pairs.grades), details={} if linear.reason else {"pearson": linear.value})


METRICS: dict[str, Metric] = {
    "spearman": Metric(
        title="Spearman correlation",
        function=_correlation,
        weighted=weighted_spearman,
        unit="rank correlation",
        low=-1.0,
        floor=0.01,
        chart="training_curves",
        by_rank=True,
    ),
    "margin": Metric(
        title="Margin",
        function=lambda pairs: margin(pairs.scores, pairs.labels),
        weighted=weighted_margin,
        unit="cosine similarity",
        low=-2.0,
        high=2.0,
        floor=0.02,
        chart="score_distributions",
        by_group=True,
        by_category=True,
    ),
    "cohens_d": Metric(
        title="Cohen's d",
        function=lambda pairs: cohens_d(pairs.scores, pairs.labels),
        weighted=weighted_cohens_d,
        unit="standard deviations",
        low=-inf,
        high=inf,
        floor=0.2,
        base_tolerance=0.005,
        chart="cohens_d",
        by_group=True,
    ),
    "auc_roc": Metric(
        title="AUC-ROC",
        function=lambda pairs: auc_roc(pairs.scores, pairs.labels),
        weighted=weighted_auc_roc,
        unit="probability",
        floor=0.005,
        chart="roc",
        interval="auc",
        by_rank=True,
        by_group=True,
        by_category=True,
        no_skill_above_zero=True,
    ),
    "best_f1": Metric(
        title="Best F1",
        function=lambda pairs: best_f1(pairs.scores, pairs.labels),
        weighted=weighted_best_f1,
        unit="F1",
        floor=0.01,
        chart="classification",
        interval="best_f1",
        by_rank=True,
        no_skill_above_zero=True,
    ),
    "cluster_purity": Metric(
        title="Cluster purity",
        function=lambda pairs: cluster_purity(pairs.pair_means, pairs.labels),
        weighted=weighted_cluster_purity,
        unit="share of clustered pairs",
        floor=0.02,
        base_tolerance=0.01,
        chart="cluster_purity",
        interval="corrected",
        no_skill_above_zero=True,
        terms=purity_terms,
    ),
    "false_positives": Metric(
        title="False positives",
        function=lambda pairs: false_positives(pairs.scores, pairs.labels, pairs.pair_types),
        weighted=weighted_false_positives,
        direction="lower",
        unit="pairs",
        high=inf,
        floor=2.0,
        base_tolerance=1.0,
        chart="false_positives",
        by_rank=True,
    ),
}
"""Every metric by its key, in the order of reports."""
