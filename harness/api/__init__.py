"""The Python API: lists, arrays and paths in, objects with a readable `repr` out. Nothing here imports torch."""

from harness.api.audit import audit_pairs
from harness.api.cases import load_case, run_case
from harness.api.comparison import ScoreComparison, compare_scores
from harness.api.metrics import MetricValue, ScoreMetrics, compute_metrics
from harness.api.predictions import compare_predictions
