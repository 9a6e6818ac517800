"""How sure a number is: intervals and tests. Pure: arrays in, numbers out. Importing this package loads numpy only.

`intervals` says how far each metric would move with other pairs, `ratio_interval` how sure a ratio of durations is.
"""

from __future__ import annotations

from harness.statistics.bootstrap import Interval, intervals
from harness.statistics.ratios import Ratio, ratio_interval

__all__ = ["Interval", "Ratio", "intervals", "ratio_interval"]
