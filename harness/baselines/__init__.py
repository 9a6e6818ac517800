"""`baselines/`: what is stored, what an update changes in it, and what can be compared with it."""

from harness.baselines.build import build_model, build_scores
from harness.baselines.comparability import ComparableBaseline, comparable, origin_problems, trusted
from harness.baselines.diff import changes
from harness.baselines.model import (
    CATEGORY_METRICS,
    DECIMALS,
    UPDATE,
    Baseline,
    Comparison,
    Origin,
    StoredModel,
    StoredValue,
    baseline_path,
    read_baseline,
    write_baseline,
)

__all__ = [
    "CATEGORY_METRICS",
    "DECIMALS",
    "UPDATE",
    "Baseline",
    "ComparableBaseline",
    "Comparison",
    "Origin",
    "StoredModel",
    "StoredValue",
    "baseline_path",
    "build_model",
    "build_scores",
    "changes",
    "comparable",
    "origin_problems",
    "read_baseline",
    "trusted",
    "write_baseline",
]
