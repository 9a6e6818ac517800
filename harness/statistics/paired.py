"""The change between two models on the same pairs: resampled, and swapped at random."""

import math
from collections.abc import Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from harness.metrics import METRICS, Number, average_ranks
from harness.metrics.evaluation import weighted_values
from harness.metrics.tally import Integers, Labels, Ranking, Values, rank
from harness.statistics.bootstrap import check_pairs, join
from harness.statistics.intervals import percentile_interval
from harness.statistics.resampling import (
    LEAST_UNITS,
    Units,
    block_sizes,
    draw_blocks,
    independent_groups,
    many_short_products,
    pair_weights,
    resampling_units,
)

_ROUNDING = 1e-12


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
    labels: Labels,
    text_rows: Integers,
    *,
    seed: int,
    clusters: tuple[Integers, Integers] | None = None,
    grades: Values | None = None,
    resamples: int = 2000,
    permutations: int = 2000,
    metrics: Collection[str] = METRICS.keys(),
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
        grades: Grade of each pair, shape `(n_pairs,)`, where the labels come from grades.
        resamples: Number of resamples for the intervals.
        permutations: Number of permutations for the p-values, which are multiples of 1 / (`permutations` + 1).
        metrics: Keys of `METRICS`, those to compare.

    Raises:
        ValueError: If the shapes do not fit, or there are no resamples or permutations.

    Source:
        B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 15; A. Bandos, H. Rockette
        and D. Gur, "A permutation test sensitive to differences in areas for comparing ROC curves from a paired
        design", 2005 (swapping ranks); B. Phipson and G. Smyth, "Permutation p-values should never be zero", 2010.
    """
    sides = list(zip((now, stored), clusters or (None, None), strict=True))
    for scores, found in sides:
        if reason := check_pairs(scores, labels, text_rows, found, draws=min(resamples, permutations)):
            return dict.fromkeys(metrics, Change(*(math.nan,) * 6, reason=reason))
    unit = np.ones((1, len(now)))
    rankings = [rank(scores, labels, found, grades) for scores, found in sides]
    values = [weighted_values(ranking, unit, metrics) for ranking in rankings]
    units, groups = resampling_units(text_rows), independent_groups(text_rows)
    counts = units.count, int(groups.max()) + 1
    with many_short_products(), ThreadPoolExecutor(2) as both:
        resampled = _resampled_changes(rankings, units, resamples, seed, metrics, both)
        swapped = _swapped_changes((now, stored), clusters, labels, grades, groups, permutations, seed, metrics, both)
    return {
        name: _change(float(values[0][name][0]), float(values[1][name][0]), resampled[name], swapped[name], counts)
        for name in metrics
    }


def _change(now: float, stored: float, resampled: Values, swapped: Values, counts: tuple[int, int]) -> Change:
    """One metric's change, from its changes in the resamples and in the permutations; `counts` of units and groups."""
    change = now - stored
    interval = percentile_interval(change, resampled, counts[0])
    if np.isnan(change) or counts[1] >= LEAST_UNITS:
        reason, chance = interval.reason, _p_value(change, swapped)
    else:
        few = f"a p-value needs {LEAST_UNITS} independent groups of pairs, found {counts[1]}"
        reason, chance = "; ".join(filter(None, (interval.reason, few))), np.nan
    return Change(now, stored, change, interval.low, interval.high, chance, reason)


def _resampled_changes(
    rankings: list[Ranking], units: Units, resamples: int, seed: int, metrics: Collection[str], both: Executor
) -> dict[str, Values]:
    """Changes of every metric in the resamples, each of the same pairs for both sides."""
    blocks = []
    for draws in draw_blocks(units, resamples, seed):
        # Both are done before the next draws.
        found = both.map(lambda r: weighted_values(r, pair_weights(units, draws, r.order), metrics), rankings)  # noqa: B023
        blocks.append(_changes(*found))
    return join(blocks)


def _swapped_changes(
    sides: tuple[Values, Values],
    clusters: tuple[Integers, Integers] | None,
    labels: Labels,
    grades: Values | None,
    groups: Integers,
    permutations: int,
    seed: int,
    metrics: Collection[str],
    both: Executor,
) -> dict[str, Values]:
    """Changes of every metric in the permutations.

    Both sides are ranked together, once. A permuted side is then a weighting of this ranking: of the two scores of a
    pair one has weight 1, the other 0.
    """
    count = len(labels)
    ranks = rank(
        np.concatenate([average_ranks(side) for side in sides]),
        np.concatenate([labels, labels]),
        grades=None if grades is None else np.concatenate([grades, grades]),
    )
    scores = ranks.with_scores(np.concatenate(sides))
    group, is_stored = groups[ranks.order % count], ranks.order >= count
    of_pairs = {name: of for name in metrics if (of := METRICS[name].terms)}
    terms = {
        name: np.hstack([of(labels, found) for found in clusters])
        for name, of in of_pairs.items()
        if clusters is not None
    }
    swings = {name: np.roll(parts, 2, axis=1) - parts for name, parts in terms.items()}
    by_rank = [name for name in metrics if METRICS[name].by_rank and name not in of_pairs]
    by_score = [name for name in metrics if name not in by_rank and name not in of_pairs]

    def values(weights: Values) -> dict[str, Values]:
        return weighted_values(ranks, weights, by_rank) | weighted_values(scores, weights, by_score)

    rng, blocks = np.random.default_rng((seed, 1)), []  # not the stream of the resamples
    for size in block_sizes(permutations, 2 * count):
        swap = rng.integers(2, size=(size, groups.max() + 1)).astype(bool)
        taken = (np.take(swap, group, axis=1) == is_stored).astype(np.float64)
        changes = dict.fromkeys(of_pairs, np.full(size, np.nan)) | _changes(*both.map(values, (taken, 1 - taken)))
        if terms:
            swapped = np.take(swap, groups, axis=1).astype(np.float64)
            changes |= {name: _ratio_changes(terms[name].sum(axis=0) + swapped @ swings[name]) for name in terms}
        blocks.append(changes)
    return join(blocks)


def _changes(now: dict[str, Values], stored: dict[str, Values]) -> dict[str, Values]:
    return {name: now[name] - stored[name] for name in now}


def _p_value(change: float, swapped: Values) -> float:
    """Return the share of changes at least as large, the observed one among them; an undefined one counts as large."""
    if np.isnan(change):
        return np.nan
    smaller = np.abs(swapped) < abs(change) - _ROUNDING * max(1.0, abs(change))
    return float((np.count_nonzero(~smaller) + 1) / (len(swapped) + 1))


def _ratio_changes(sums: Values) -> Values:
    """Changes of a ratio, of the sums of its numerator and denominator now and stored, shape `(n_permutations, 4)`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[:, 0] / sums[:, 1] - sums[:, 2] / sums[:, 3])
