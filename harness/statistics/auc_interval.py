"""The interval of an area under the ROC curve, which holds near 1 and in small sets as well."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from harness.metrics.tally import Values
from harness.statistics.intervals import Interval, why_no_interval

_Z = 1.959964
_LEAST_EFFECT = 0.6
_HALVINGS = 60


def auc_interval(observed: float, resampled: Values, *, positives: int, negatives: int, units: int) -> Interval:
    """95 % score interval of an AUC, with the variance of the bootstrap.

    The percentiles of the resamples miss an AUC near 1, nearly always on one side: where no resample has an error, they
    cannot show the error that another pair would be. A score interval asks instead which true values are compatible
    with the observed one, by the variance that each of them would have. That variance is a formula for independent
    pairs; the resamples say by which factor pairs that share texts, and scores of other shapes, move it (the design
    effect; taken to be at least 0.6, since few resamples near 1 have next to no variance).

    Args:
        observed: The value of the pairs themselves.
        resampled: Of each resample, NaN where undefined, shape `(n_resamples,)`.
        positives: Number of positive pairs.
        negatives: Number of negative pairs.
        units: Number of units drawn in each resample.

    Source:
        R. Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic", part 2, 2006
        (method 5); the variance is J. Hanley's and B. McNeil's, 1982. Simulated in docs/intervals.md.
    """
    if reason := why_no_interval(observed, resampled, units):
        return Interval.none(reason)
    expected = _variance(observed, positives, negatives)
    if expected > 0:
        effect = max(float(np.nanvar(resampled)) / expected, _LEAST_EFFECT)
    else:  # not one pair in the wrong order: as if each unit were one pair
        effect = max(1.0, (positives + negatives) / units)

    def is_compatible(true: float) -> bool:
        return abs(observed - true) <= _Z * math.sqrt(effect * _variance(true, positives, negatives))

    return Interval(_last(is_compatible, observed, 0.0), _last(is_compatible, observed, 1.0))


def _variance(auc: float, positives: int, negatives: int) -> float:
    """Variance of an AUC, as Newcombe simplified Hanley's and McNeil's formula."""
    more = (positives + negatives) / 2 - 1
    return auc * (1 - auc) * (1 + more * ((1 - auc) / (2 - auc) + auc / (1 + auc))) / (positives * negatives)


def _last(is_compatible: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return the value between two where something ceases to hold, by halving."""
    if is_compatible(outside):
        return outside
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_compatible(middle) else (inside, middle)
    return inside
