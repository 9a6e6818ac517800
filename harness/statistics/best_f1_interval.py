"""The interval of the best F1: the greatest of many values comes out too high, and near 1 resamples show no error."""

from __future__ import annotations

import math

import numpy as np

from harness.metrics.tally import Values
from harness.statistics.intervals import Interval, why_no_interval

_Z = 1.959964
_LEAST_WRONG = 2


def best_f1_interval(observed: float, resampled: Values, *, positives: int, negatives: int, units: int) -> Interval:
    """95 % interval of a best F1: normal on the logit scale, moved down by the bias of the resamples.

    Each resample chooses its threshold anew, and comes out higher still than the pairs themselves do: by as much they
    are too high. The interval is a little too wide in small sets. Where the best threshold leaves fewer than two wrong
    pairs there is none: resamples of right pairs cannot show the error that another pair would be.

    Args:
        observed: The value of the pairs themselves.
        resampled: Of each resample, NaN where undefined, shape `(n_resamples,)`.
        positives: Number of positive pairs.
        negatives: Number of negative pairs.
        units: Number of units drawn in each resample.

    Source:
        B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 10 (bias) and 13. Simulated in
        docs/intervals.md.
    """
    if reason := why_no_interval(observed, resampled, units):
        return Interval.none(reason)
    wrong = 2 * positives * (1 - observed) / observed  # about: were every positive pair found, exactly
    if wrong < _LEAST_WRONG:
        return Interval.none("next to no pair is wrong at the best threshold: too few to say how far the value moves")
    end = 1 / (2 * (positives + negatives))  # half a pair from 0 and 1, which have no logit
    logits = _logit(np.clip(resampled[np.isfinite(resampled)], end, 1 - end))
    value = float(_logit(np.clip(observed, end, 1 - end)))
    value -= max(0.0, float(logits.mean()) - value)
    half = _Z * float(logits.std())
    low, high = (1 / (1 + math.exp(-(value + far))) for far in (-half, half))
    return Interval(min(low, observed), max(high, observed))


def _logit(share: Values) -> Values:
    return np.asarray(np.log(share / (1 - share)))
