"""How sure a number is: intervals and tests. Pure: arrays in, numbers out. Importing this package loads numpy only.

`intervals` says how far each metric would move with other pairs, `compare` whether it changed between two models,
`flips` which pairs went wrong, `ratio_interval` how sure a ratio of durations is, `retraining_tolerance` how far
another training may fall behind by chance, `regression` when it fell further, `power` what a gate by that rule sees,
`share_of` what one model reaches of another one.
"""

from __future__ import annotations

from harness.statistics.bootstrap import Interval, intervals
from harness.statistics.flips import Flip, flips
from harness.statistics.paired import Change, compare
from harness.statistics.power import PROBABILITY, Comparisons, Power, power
from harness.statistics.ratios import Ratio, ratio_interval
from harness.statistics.regression import Regression, regression
from harness.statistics.shares import Share, share_of
from harness.statistics.spread import retraining_tolerance

__all__ = [
    "PROBABILITY",
    "Change",
    "Comparisons",
    "Flip",
    "Interval",
    "Power",
    "Ratio",
    "Regression",
    "Share",
    "compare",
    "flips",
    "intervals",
    "power",
    "ratio_interval",
    "regression",
    "retraining_tolerance",
    "share_of",
]
