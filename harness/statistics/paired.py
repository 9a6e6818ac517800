"""The change between two models: two score vectors of the same pairs, compared pair by pair."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.metrics import METRICS, Number
from harness.metrics.tally import rank
from harness.metrics.weighted import weighted_values
from harness.statistics.bootstrap import check_pairs, join, percentile_interval
from harness.statistics.permutation import Side, p_value, swapped_changes
from harness.statistics.resampling import (
    LEAST_UNITS,
    Units,
    draw_blocks,
    independent_groups,
    pair_weights,
    resampling_units,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Values = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """The change of a metric between two score vectors of the same pairs.

    Attributes:
        now: Value now.
        stored: Value before.
        change: `now - stored`, whichever direction is better.
        low: Lower end of the 95 % interval of the change.
        high: Its upper end.
        p_value: Two-sided; how often chance alone changes the metric as much.
        reason: Why something is NaN, in words; else empty.
    """

    now: Number
    stored: Number
    change: Number
    low: Number
    high: Number
    p_value: Number
    reason: str = ""


def compare(
    now: Values,
    stored: Values,
    labels: NDArray[np.int8],
    text_rows: NDArray[np.int64],
    *,
    seed: int,
    clusters: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
    resamples: int = 2000,
    permutations: int = 2000,
) -> dict[str, Change]:
    """Change of every metric between two models on the same pairs, with its interval and its p-value.

    Interval and p-value answer different questions. The interval is the bootstrap's (see `resampling_units`), with the
    same resamples for both models: it holds the changes that other texts of the same kind might show. The p-value is a
    permutation test's: if nothing but chance tells the two models apart, swapping their scores changes nothing. Each
    permutation swaps them in every independent group of pairs (see `independent_groups`) or not, by a coin. Groups that
    are large cost power, never validity. Where all pairs hang together there is but one group, no test, and a NaN; the
    interval stands.

    For metrics of ranks it is the ranks within each model that are swapped: two models that rank alike, but on other
    scales, would otherwise be mixed into one that ranks worse than either. The p-values of the margin and of Cohen's d
    ask whether the scores themselves are exchangeable; another scale is a change.

    Args:
        now: Similarity of each pair, shape `(n_pairs,)`.
        stored: The same pairs' similarities under the other model.
        labels: 0 or 1, shape `(n_pairs,)`.
        text_rows: Number of both texts of each pair, shape `(n_pairs, 2)`.
        seed: Of the draws.
        clusters: Cluster of each pair, -1 for noise, under the model now and the stored one; both clusterings are held
            fixed. Without it `cluster_purity` is NaN.
        resamples: Number of resamples for the intervals.
        permutations: Number of permutations for the p-values, which are multiples of 1 / (`permutations` + 1).

    Raises:
        ValueError: If the shapes do not fit, or there are no resamples or permutations.

    Source:
        B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 15; A. Bandos, H. Rockette
        and D. Gur, "A permutation test sensitive to differences in areas for comparing ROC curves from a paired
        design", 2005 (swapping ranks); B. Phipson and G. Smyth, "Permutation p-values should never be zero", 2010.
    """
    sides = [Side(*side) for side in zip((now, stored), clusters or (None, None), strict=True)]
    for side in sides:
        if reason := check_pairs(side.scores, labels, text_rows, side.clusters, draws=min(resamples, permutations)):
            return dict.fromkeys(METRICS, Change(*(math.nan,) * 6, reason=reason))
    unit = np.ones((1, len(now)))
    values = [weighted_values(rank(side.scores, labels, side.clusters), unit) for side in sides]
    units, groups = resampling_units(text_rows), independent_groups(text_rows)
    counts = units.count, int(groups.max()) + 1
    resampled = join(_resampled_changes(sides, labels, units, resamples, seed))
    swapped = join(swapped_changes(sides, labels, groups, permutations, seed))
    return {
        name: _change(float(values[0][name][0]), float(values[1][name][0]), resampled[name], swapped[name], counts)
        for name in METRICS
    }


def _change(now: float, stored: float, resampled: Values, swapped: Values, counts: tuple[int, int]) -> Change:
    """One metric's change, from its changes in the resamples and in the permutations; `counts` of units and groups."""
    change = now - stored
    interval = percentile_interval(change, resampled, counts[0])
    if np.isnan(change) or counts[1] >= LEAST_UNITS:
        reason, chance = interval.reason, p_value(change, swapped)
    else:
        few = f"a p-value needs {LEAST_UNITS} independent groups of pairs, found {counts[1]}"
        reason, chance = "; ".join(filter(None, (interval.reason, few))), np.nan
    return Change(now, stored, change, interval.low, interval.high, chance, reason)


def _resampled_changes(
    sides: list[Side], labels: NDArray[np.int8], units: Units, resamples: int, seed: int
) -> Iterator[dict[str, Values]]:
    """Changes in blocks of resamples, each of the same pairs for both sides."""
    rankings = [rank(side.scores, labels, side.clusters) for side in sides]
    for draws in draw_blocks(units, resamples, seed):
        now, stored = (weighted_values(ranking, pair_weights(units, draws, ranking.order)) for ranking in rankings)
        yield {name: now[name] - stored[name] for name in METRICS}
