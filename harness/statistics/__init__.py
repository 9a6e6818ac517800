"""Intervals, tests and tolerances of metrics. Pure: arrays in, numbers out. Importing this package loads no scipy.

`intervals`: how far each metric would move with other pairs. `compare`: its change between two models.
`regressed_pairs`: the pairs that went wrong. `relative_performance`: a model held against another one.
`retraining_tolerances`: how far another training may fall behind by chance. `bootstrap_tolerance`: how far a value
would with other pairs, of a model that is not trained again. `regression`: the rule that holds a change against its
tolerance and its interval. `least_deviation`: how much trainings differ at the least. `power`: which changes a gate by
that rule detects. `mean_interval`: how far a mean over queries would move. `ratio_interval`: a ratio of durations.
`share_interval`: a share counted in a sample. `embedding_drift`: new embeddings held against old ones.
`difference_interval`: how far the difference of two values would move that are each of other pairs. `rerank`: a second
scorer for the pairs that a first one is uncertain of.
"""

from harness.statistics.bootstrap import SEED, intervals
from harness.statistics.by_query import RetrievalChange, mean_interval, retrieval_change
from harness.statistics.drift import DRIFT_LEVEL, Drift, difference_interval, embedding_drift
from harness.statistics.intervals import Interval
from harness.statistics.paired import Change, compare
from harness.statistics.power import PROBABILITY, Comparisons, Power, power
from harness.statistics.regressed import RegressedPair, regressed_pairs
from harness.statistics.regression import (
    Regression,
    bootstrap_tolerance,
    least_deviation,
    regression,
    retraining_tolerances,
)
from harness.statistics.relative import Ratio, RelativePerformance, ratio_interval, relative_performance
from harness.statistics.rerank import BeforeAfter, Confusion, Rerank
from harness.statistics.share import share_interval
