"""`results.json` and the pair table beside it: everything measured, and every verdict.

The report, the GitHub summary and `compare` are functions of both, so each can be rendered again without a run.
"""

from harness.results.entries import (
    AuditEntry,
    CandidateEntry,
    CheckEntry,
    ExtraMetric,
    ExtraSet,
    LearningRateEntry,
    LearningRatePoint,
    MetricEntry,
    ModelEntry,
    RankEntry,
    RankPoint,
    RelativeEntry,
    RerankEntry,
    RetrievalValue,
    StrategyEntry,
)
from harness.results.files import PairTable, pair_table_name, read_pair_tables, read_results, write_results
from harness.results.model import SCHEMA, CaseResults, Results
