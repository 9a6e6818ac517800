"""`baselines/`: what is stored, what an update changes in it, and what can be compared with it."""

from harness.baselines.build import build_model, build_scores, score_intervals, undefined_metrics
from harness.baselines.comparability import ComparableBaseline, comparable, origin_problems
from harness.baselines.contradictions import cannot_fail, contradictions
from harness.baselines.model import (
    CATEGORY_METRICS,
    DECIMALS,
    UPDATE,
    Baseline,
    Origin,
    StoredModel,
    StoredValue,
    ToleranceSource,
    baseline_path,
    changes,
    read_baseline,
    write_baseline,
)
