"""Pairs that carry weights: how often each is in a resample, for many resamples at once.

The pairs are sorted once; what several metrics count is counted once a block of resamples.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Labels = NDArray[np.int8]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Ranking:
    """The pairs of one model, sorted once by falling score.

    Attributes:
        order: Row of each pair in the arrays that `rank` was given, shape `(n_pairs,)`.
        scores: Falling, shape `(n_pairs,)`.
        labels: Of each pair, as numbers, shape `(n_pairs,)`.
        ends: Position of the last pair of each group of equal scores; None where no two are equal.
        clusters: Positions of the clustered pairs of one label, sorted by cluster, and where each cluster begins and
            ends among them; for the positive, then for the negative pairs. None without a clustering.
        grades: Position of each pair in the order of the grades, and the end of each group of equal grades there; None
            where the pairs have labels alone.
    """

    order: Integers
    scores: Values
    labels: Values
    ends: Integers | None
    clusters: tuple[tuple[Integers, Integers], ...] | None
    grades: tuple[Integers, Integers] | None = None

    def with_scores(self, scores: Values) -> Ranking:
        """Return the same order with other scores, given as `rank` was: for metrics that need no order."""
        return replace(self, scores=scores[self.order].astype(np.float64))

    @cached_property
    def by_label(self) -> Values:
        """Scores of the positive and of the negative pairs, 0 for the others, shape `(n_pairs, 2)`."""
        return np.stack([self.scores * self.labels, self.scores * (1 - self.labels)], axis=1)


@dataclass(frozen=True)
class Tally:
    """Counts of each resample. Whole numbers in double precision: every sum of them is exact below 2**53.

    Attributes:
        ranking: The pairs.
        weights: Whole numbers from 0 up, shape `(n_resamples, n_pairs)`, the pairs in the order of the ranking.
    """

    ranking: Ranking
    weights: Values

    @cached_property
    def count(self) -> Values:
        """Pairs, shape `(n_resamples,)`."""
        return np.asarray(self.weights.sum(axis=1))

    @cached_property
    def positives(self) -> Values:
        """Pairs with label 1, shape `(n_resamples,)`."""
        return np.asarray(self.weights @ self.ranking.labels)

    @property
    def negatives(self) -> Values:
        """Pairs with label 0, shape `(n_resamples,)`."""
        return self.count - self.positives

    @cached_property
    def at_score(self) -> Values:
        """Pairs of each distinct score, falling, shape `(n_resamples, n_distinct)`."""
        return self.weights if self.ranking.ends is None else np.diff(self.predicted, axis=1, prepend=0)

    @cached_property
    def predicted(self) -> Values:
        """Pairs at or above each distinct score, falling, shape `(n_resamples, n_distinct)`."""
        return self._at_distinct_scores(running_counts(self.weights))

    @cached_property
    def tp(self) -> Values:
        """Positive pairs at or above each distinct score, falling, shape `(n_resamples, n_distinct)`."""
        return self._at_distinct_scores(running_counts(self.weights * self.ranking.labels))

    @cached_property
    def wins(self) -> Values:
        """Mann and Whitney's U: positive-negative pairs of pairs in the right order, a tie counts one half."""
        if self.ranking.ends is None:
            return np.asarray(np.vecdot(self.weights * (1 - self.ranking.labels), self.tp))
        tp = np.diff(self.tp, axis=1, prepend=0)
        return np.asarray(np.vecdot(self.at_score - tp, self.tp - tp / 2))

    @cached_property
    def best(self) -> tuple[Values, Values]:
        """The best F1, and the false positives at its threshold.

        A score without weight is no threshold. As one it would repeat the counts of the next higher score, and of equal
        F1 the first counts: it changes nothing.
        """
        f1: Values = self.tp / (self.predicted + self.positives[:, np.newaxis])
        at = np.argmax(f1, axis=1)[:, np.newaxis]
        fp = np.take_along_axis(self.predicted, at, 1) - np.take_along_axis(self.tp, at, 1)
        return 2 * np.take_along_axis(f1, at, 1)[:, 0], fp[:, 0]

    @cached_property
    def means(self) -> tuple[Values, Values]:
        """Mean score of the positive and of the negative pairs."""
        sums = self.weights @ self.ranking.by_label
        return sums[:, 0] / self.positives, sums[:, 1] / self.negatives

    def _at_distinct_scores(self, running: Values) -> Values:
        return running if self.ranking.ends is None else np.take(running, self.ranking.ends, axis=1)


def running_counts(weights: Values) -> Values:
    """Cumulative sums of whole numbers along each row, of the same shape: in integers several times faster."""
    return np.cumsum(weights.astype(np.int64), axis=1).astype(np.float64)


def rank(scores: Values, labels: Labels, clusters: Integers | None = None, grades: Values | None = None) -> Ranking:
    """Sort pairs for a `Tally`.

    Args:
        scores: Finite, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.
        clusters: Cluster of each pair, -1 for noise, shape `(n_pairs,)`.
        grades: Grade of each pair, finite, shape `(n_pairs,)`.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order].astype(np.float64)
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    return Ranking(
        order=order,
        scores=ordered,
        labels=labels[order].astype(np.float64),
        ends=None if len(ends) == len(order) else ends,
        clusters=None if clusters is None else _by_cluster(clusters[order], labels[order]),
        grades=None if grades is None else _sorted(grades[order]),
    )


def _sorted(values: Values) -> tuple[Integers, Integers]:
    """Return the order of ascending values, and the position of the last of each group of equal ones in it."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    return order, np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))


def _by_cluster(clusters: Integers, labels: Labels) -> tuple[tuple[Integers, Integers], ...]:
    """Positions of the clustered pairs of each label by cluster, and the bounds of the clusters."""
    names = np.unique(clusters[clusters >= 0])
    parts = []
    for label in (1, 0):
        positions = np.flatnonzero((clusters >= 0) & (labels == label))
        positions = positions[np.argsort(clusters[positions], kind="stable")]
        starts = np.searchsorted(clusters[positions], names)
        parts.append((positions, np.append(starts, len(positions))))
    return tuple(parts)
