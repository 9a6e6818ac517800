"""Pairs sorted by score: done once, whatever is drawn from them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Ranking(NamedTuple):
    """The pairs of one model, sorted once by falling score.

    Attributes:
        order: Row of each pair in the arrays that `rank` was given, shape `(n_pairs,)`.
        scores: Falling, shape `(n_pairs,)`.
        labels: Of each pair, as numbers, shape `(n_pairs,)`.
        by_label: The scores of the positive pairs and those of the negative ones, 0 for the others, shape
            `(n_pairs, 2)`.
        ends: Position of the last pair of each group of equal scores; None where no two are equal.
        clusters: Positions of the clustered pairs of one label, sorted by cluster, and where each cluster begins and
            ends among them; for the positive, then for the negative pairs. None without a clustering.
    """

    order: NDArray[np.int64]
    scores: NDArray[np.float64]
    labels: NDArray[np.float64]
    by_label: NDArray[np.float64]
    ends: NDArray[np.int64] | None
    clusters: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...] | None


def rank(scores: NDArray[np.float64], labels: NDArray[np.int8], clusters: NDArray[np.int64] | None = None) -> Ranking:
    """Sorts pairs for `weighted_values`.

    Args:
        scores: Finite, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.
        clusters: Cluster of each pair, -1 for noise, shape `(n_pairs,)`.
    """
    order = np.argsort(-scores, kind="stable")
    ordered, ordered_labels = scores[order].astype(np.float64), labels[order].astype(np.float64)
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    return Ranking(
        order,
        ordered,
        ordered_labels,
        _by_label(ordered, ordered_labels),
        None if len(ends) == len(order) else ends,
        None if clusters is None else _by_cluster(clusters[order], labels[order]),
    )


def with_scores(ranking: Ranking, scores: NDArray[np.float64]) -> Ranking:
    """The same order with other scores, given in the order that `rank` was given: for metrics that need no order."""
    ordered = scores[ranking.order].astype(np.float64)
    return ranking._replace(scores=ordered, by_label=_by_label(ordered, ranking.labels))


def _by_label(scores: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([scores * labels, scores * (1 - labels)], axis=1)


def _by_cluster(
    clusters: NDArray[np.int64], labels: NDArray[np.int8]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
    """Positions of the clustered pairs of each label by cluster, and the bounds of the clusters."""
    names = np.unique(clusters[clusters >= 0])
    parts = []
    for label in (1, 0):
        positions = np.flatnonzero((clusters >= 0) & (labels == label))
        positions = positions[np.argsort(clusters[positions], kind="stable")]
        starts = np.searchsorted(clusters[positions], names)
        parts.append((positions, np.append(starts, len(positions))))
    return tuple(parts)
