"""Metrics of scored pairs: pure numpy functions, and the table that names them.

To add a metric: write a function from arrays to a `MetricResult` in one of the modules, and a row in `METRICS`. The
tests over the table then cover it. Importing this package loads numpy only.
"""

from __future__ import annotations

from math import inf

from harness.metrics.clustering import cluster_purity
from harness.metrics.groups import GroupResult, breakdown
from harness.metrics.nulls import nan_to_null, null_to_nan
from harness.metrics.ranking import auc_roc, spearman
from harness.metrics.separation import cohens_d, margin
from harness.metrics.threshold import best_f1, false_positives
from harness.metrics.types import Metric, MetricResult, ScoredPairs

__all__ = [
    "METRICS",
    "GroupResult",
    "Metric",
    "MetricResult",
    "ScoredPairs",
    "breakdown",
    "nan_to_null",
    "null_to_nan",
]

METRICS: dict[str, Metric] = {
    "spearman": Metric(
        title="Spearman correlation",
        function=lambda pairs: spearman(pairs.scores, pairs.labels),
        direction="higher",
        unit="rank correlation",
        low=-1.0,
        high=1.0,
    ),
    "margin": Metric(
        title="Margin",
        function=lambda pairs: margin(pairs.scores, pairs.labels),
        direction="higher",
        unit="cosine similarity",
        low=-2.0,
        high=2.0,
    ),
    "cohens_d": Metric(
        title="Cohen's d",
        function=lambda pairs: cohens_d(pairs.scores, pairs.labels),
        direction="higher",
        unit="standard deviations",
        low=-inf,
        high=inf,
    ),
    "auc_roc": Metric(
        title="AUC-ROC",
        function=lambda pairs: auc_roc(pairs.scores, pairs.labels),
        direction="higher",
        unit="probability",
        low=0.0,
        high=1.0,
    ),
    "best_f1": Metric(
        title="Best F1",
        function=lambda pairs: best_f1(pairs.scores, pairs.labels),
        direction="higher",
        unit="F1",
        low=0.0,
        high=1.0,
    ),
    "cluster_purity": Metric(
        title="Cluster purity",
        function=lambda pairs: cluster_purity(pairs.pair_means, pairs.labels),
        direction="higher",
        unit="share of clustered pairs",
        low=0.0,
        high=1.0,
    ),
    "false_positives": Metric(
        title="False positives",
        function=lambda pairs: false_positives(pairs.scores, pairs.labels, pairs.pair_types),
        direction="lower",
        unit="pairs",
        low=0.0,
        high=inf,
    ),
}
"""Every metric by its key, in the order of reports."""
