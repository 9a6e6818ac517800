"""Every metric of pairs that carry weights: how often each is in a resample, for many resamples at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from harness.metrics import METRICS
from harness.metrics.separation import ROUNDING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from harness.statistics.ranked import Ranking

    Values = NDArray[np.float64]


def weighted_values(ranking: Ranking, weights: Values, metrics: Iterable[str] = tuple(METRICS)) -> dict[str, Values]:
    """Every metric of every resample, as `harness.metrics` computes it of the pairs written down that many times.

    Cluster purity holds the clustering fixed: pairs keep their cluster, and only the counts change.

    Args:
        ranking: The pairs.
        weights: Whole numbers from 0 up, shape `(n_resamples, n_pairs)`, the pairs in the order of the ranking.
        metrics: Keys of `METRICS`, those to compute.

    Returns:
        Metric -> values, shape `(n_resamples,)`, NaN where a resample has none.
    """
    tally = _Tally(ranking, weights)
    both = (tally.positives > 0) & (tally.negatives > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: np.where(both, _WEIGHTED[name](tally), np.nan) for name in metrics}


@dataclass(frozen=True)
class _Tally:
    """What several metrics count. Whole numbers in double precision: every sum of them is exact below 2**53."""

    ranking: Ranking
    weights: Values

    @cached_property
    def predicted(self) -> Values:
        """Pairs at or above each distinct score, falling."""
        return self._at_distinct_scores(np.cumsum(self.weights, axis=1))

    @cached_property
    def hits(self) -> Values:
        """Positive pairs at or above each distinct score, falling."""
        return self._at_distinct_scores(np.cumsum(self.weights * self.ranking.labels, axis=1))

    @cached_property
    def count(self) -> Values:
        return np.asarray(self.weights.sum(axis=1))

    @cached_property
    def positives(self) -> Values:
        return np.asarray(self.weights @ self.ranking.labels)

    @property
    def negatives(self) -> Values:
        return self.count - self.positives

    @cached_property
    def wins(self) -> Values:
        """Positive-negative pairs of pairs in the right order, a tie counts one half: Mann and Whitney's U."""
        if self.ranking.ends is None:
            return _dot(self.weights * (1 - self.ranking.labels), self.hits)
        hits = np.diff(self.hits, axis=1, prepend=0)
        alarms = np.diff(self.predicted, axis=1, prepend=0) - hits
        return _dot(alarms, self.hits - hits / 2)

    @cached_property
    def best(self) -> tuple[Values, Values]:
        """The best F1, and the false positives at its threshold.

        A score without weight is no threshold. As one it would repeat the counts of the next higher score, and of equal
        F1 the first counts: it changes nothing.
        """
        f1: Values = self.hits / (self.predicted + self.positives[:, np.newaxis])
        at = np.argmax(f1, axis=1)[:, np.newaxis]
        alarms = np.take_along_axis(self.predicted, at, 1) - np.take_along_axis(self.hits, at, 1)
        return 2 * np.take_along_axis(f1, at, 1)[:, 0], alarms[:, 0]

    @cached_property
    def means(self) -> tuple[Values, Values]:
        """Mean score of the positive and of the negative pairs."""
        sums = self.weights @ self.ranking.by_label
        return sums[:, 0] / self.positives, sums[:, 1] / self.negatives

    def _at_distinct_scores(self, running: Values) -> Values:
        return running if self.ranking.ends is None else running[:, self.ranking.ends]


def _spearman(tally: _Tally) -> Values:
    """The ranks' sums in closed form: a binary label has two ranks, and n/2 lies between them."""
    groups = tally.weights if tally.ranking.ends is None else np.diff(tally.predicted, axis=1, prepend=0)
    count, couples = tally.count, tally.positives * tally.negatives
    rank_squares = (count**3 - _dot(groups * groups, groups)) / 12
    products = count / 2 * (tally.wins - couples / 2)
    return np.clip(products / np.sqrt(rank_squares * count * couples / 4), -1, 1)


def _margin(tally: _Tally) -> Values:
    return tally.means[0] - tally.means[1]


def _cohens_d(tally: _Tally) -> Values:
    positive, negative = (mean[:, np.newaxis] for mean in tally.means)
    # Squares of deviations, not a difference of sums of squares: that would leave rounding where scores hardly vary.
    deviations = tally.ranking.scores - (negative + tally.ranking.labels * (positive - negative))
    deviations *= deviations
    pooled_sd = np.sqrt(_dot(tally.weights, deviations) / (tally.count - 2))
    return np.where((tally.count > 2) & (pooled_sd > ROUNDING), _margin(tally) / pooled_sd, np.nan)


def _auc_roc(tally: _Tally) -> Values:
    return tally.wins / (tally.positives * tally.negatives)


def _cluster_purity(tally: _Tally) -> Values:
    if tally.ranking.clusters is None:
        return np.full(len(tally.weights), np.nan)
    positive, negative = (
        np.diff(_running(tally.weights[:, positions])[:, bounds], axis=1)
        for positions, bounds in tally.ranking.clusters
    )
    return np.asarray(np.maximum(positive, negative).sum(axis=1) / (positive + negative).sum(axis=1))


_WEIGHTED: dict[str, Callable[[_Tally], Values]] = {
    "spearman": _spearman,
    "margin": _margin,
    "cohens_d": _cohens_d,
    "auc_roc": _auc_roc,
    "best_f1": lambda tally: tally.best[0],
    "cluster_purity": _cluster_purity,
    "false_positives": lambda tally: tally.best[1],
}


def _dot(first: Values, second: Values) -> Values:
    """Sum of products of each row."""
    return np.asarray(np.vecdot(first, second))


def _running(weights: Values) -> Values:
    """Sums of the weights before each position, and of all."""
    return np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)
