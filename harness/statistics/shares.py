"""What one model reaches of another one, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.statistics.bootstrap import Interval, check_pairs, percentile_interval
from harness.statistics.ranked import rank
from harness.statistics.resampling import draw_blocks, pair_weights, resampling_units
from harness.statistics.weighted import weighted_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


class Share(NamedTuple):
    """What a model reaches of another one in a metric.

    Attributes:
        share: Its value over the other's: 0.9 is 90 %. NaN where the other's is not above 0.
        interval: 95 % interval of the share.
        recovered: Its gain over the base, over the other's gain: a share that stays meaningful where the base is
            negative. NaN where the other one gained nothing.
        recovered_interval: Its 95 % interval.
    """

    share: float
    interval: Interval
    recovered: float
    recovered_interval: Interval


def share_of(
    model: Values,
    other: Values,
    base: Values,
    labels: NDArray[np.int8],
    text_rows: NDArray[np.int64],
    *,
    metric: str,
    seed: int,
    resamples: int = 2000,
) -> Share:
    """Share and gain recovered, each with its bootstrap interval: the three models are measured on the same resamples.

    Args:
        model: Similarity of each pair under the model, shape `(n_pairs,)`.
        other: Under the one that it is held against.
        base: Under the untrained one.
        labels: 0 or 1, shape `(n_pairs,)`.
        text_rows: Number of both texts of each pair, shape `(n_pairs, 2)`; see `resampling_units`.
        metric: A key of `METRICS` that needs no clusters.
        seed: Of the draws.
        resamples: Number of resamples.
    """
    for scores in (model, other, base):
        if reason := check_pairs(scores, labels, text_rows, None, draws=resamples):
            nothing = Interval(np.nan, np.nan, reason)
            return Share(np.nan, nothing, np.nan, nothing)
    units = resampling_units(text_rows)
    rankings = [rank(scores, labels, None) for scores in (model, other, base)]
    observed = np.ones((1, len(labels)))
    values = [np.array([weighted_values(r, observed, (metric,))[metric] for r in rankings])]
    values += [
        np.array([weighted_values(r, pair_weights(units, draws, r.order), (metric,))[metric] for r in rankings])
        for draws in draw_blocks(units, resamples, seed)
    ]
    mine, whole, untrained = np.concatenate(values, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(whole > 0, mine / whole, np.nan)
        gains = np.where(whole > untrained, (mine - untrained) / (whole - untrained), np.nan)
    (share, *resampled), (gain, *regained) = shares.tolist(), gains.tolist()
    return Share(
        share,
        percentile_interval(share, np.array(resampled), units.count),
        gain,
        percentile_interval(gain, np.array(regained), units.count),
    )
