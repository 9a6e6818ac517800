"""Metrics of scored pairs: pure numpy functions, and the table that names them.

To add a metric: write a function from arrays to a `MetricResult` in a file of its own, and a row in `METRICS`. The
tests over the table then cover it. Each function is imported from its file, as in
`from harness.metrics.spearman import spearman`. Importing this package loads numpy and pydantic only.
"""

from harness.metrics.cosine import pair_scores, row_cosines
from harness.metrics.evaluation import evaluate
from harness.metrics.spearman import average_ranks
from harness.metrics.table import METRICS
from harness.metrics.types import Evaluation, GroupResult, Metric, MetricResult, Number, ScoredPairs
