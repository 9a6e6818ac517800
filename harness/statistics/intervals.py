"""An interval, and the one that the percentiles of resamples give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from harness.metrics import Number
from harness.metrics.tally import Values
from harness.statistics.resampling import LEAST_UNITS

_MOST_UNDEFINED = 0.05

_NORMAL = NormalDist()


@dataclass(frozen=True)
class Interval:
    """A 95 % interval. Both ends are NaN where there is none, and `reason` says why; else it is empty."""

    low: Number
    high: Number
    reason: str = ""

    @classmethod
    def none(cls, reason: str) -> Interval:
        """Return the interval that does not exist."""
        return cls(math.nan, math.nan, reason)


def why_no_interval(observed: float, values: Values, units: int) -> str:
    """Say why no interval can come of these resamples, as `percentile_interval` takes them; empty if one can."""
    undefined = int(np.count_nonzero(~np.isfinite(values)))
    if np.isnan(observed):
        return "the metric has no value for these pairs"
    if units < LEAST_UNITS:
        return f"an interval needs {LEAST_UNITS} texts or groups to draw, found {units}"
    if undefined > _MOST_UNDEFINED * len(values):
        return f"{undefined} of {len(values)} resamples have no value"
    return ""


def percentile_interval(observed: float, values: Values, units: int, *, corrected: bool = False) -> Interval:
    """Return the interval that leaves out 2.5 % of the resamples' values at either side.

    Args:
        observed: The value of the pairs themselves; NaN has no interval.
        values: Of each resample, NaN where undefined, shape `(n_resamples,)`.
        units: Number of units drawn in each resample; fewer than 6 have no interval.
        corrected: Whether to move both ends against the bias of the resamples, read off the share of values below
            `observed`, which is one half without bias. Where fewer than 2.5 % are on one side, the bias is larger than
            the interval, and what would come out does not hold the value: there is none.
    """
    if reason := why_no_interval(observed, values, units):
        return Interval.none(reason)
    defined = values[np.isfinite(values)]
    ends = (0.025, 0.975)
    if corrected:
        below = (np.count_nonzero(defined < observed) + np.count_nonzero(defined <= observed)) / 2 / len(defined)
        bias = _NORMAL.inv_cdf(min(max(below, 0.5 / len(defined)), 1 - 0.5 / len(defined)))
        ends = (_NORMAL.cdf(2 * bias + _NORMAL.inv_cdf(ends[0])), _NORMAL.cdf(2 * bias + _NORMAL.inv_cdf(ends[1])))
    low, high = np.quantile(defined, ends)
    if corrected and not low <= observed <= high:
        return Interval.none("the resamples are all too high or all too low to say how far the value moves")
    return Interval(float(low), float(high))
