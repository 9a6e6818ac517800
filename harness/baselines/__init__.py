"""`baselines/`: what is stored, what an update changes in it, and what can be compared with it."""

from harness.baselines.build import build_model, build_scores
from harness.baselines.comparability import ComparableBaseline, comparable, origin_problems, trusted
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
