"""How much chance alone changes a metric: two models of the same pairs, swapped at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.metrics import METRICS
from harness.statistics.ranked import rank, with_scores
from harness.statistics.resampling import block_sizes
from harness.statistics.weighted import weighted_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_OF_SCORES = ("margin", "cohens_d")
"""What depends on the scores themselves; all else depends on their ranks only."""

_OF_RANKS = tuple(name for name in METRICS if name not in _OF_SCORES)

_ROUNDING = 1e-12


class Side(NamedTuple):
    """What one of two models makes of the pairs: scores, and clusters (-1 for noise) or None, shape `(n_pairs,)`."""

    scores: Values
    clusters: NDArray[np.int64] | None


def swapped_changes(
    sides: list[Side], labels: NDArray[np.int8], groups: NDArray[np.int64], permutations: int, seed: int
) -> Iterator[dict[str, Values]]:
    """Changes in blocks of permutations.

    Both sides are ranked together, once. A permuted side is then a weighting of this ranking: of the two scores of a
    pair one has weight 1, the other 0.
    """
    count = len(labels)
    both = rank(np.concatenate([_ranks(side.scores) for side in sides]), np.concatenate([labels, labels]))
    raw = with_scores(both, np.concatenate([side.scores for side in sides]))
    pair, is_stored = both.order % count, both.order >= count
    parts = _purity_parts(sides, labels)
    totals, moves = parts.sum(axis=0), np.roll(parts, 2, axis=1) - parts
    rng = np.random.default_rng((seed, 1))  # not the stream of the resamples
    for size in block_sizes(permutations, 2 * count):
        swap = rng.integers(2, size=(size, groups.max() + 1)).astype(bool)
        taken = (swap[:, groups[pair]] == is_stored).astype(np.float64)
        now, stored = (
            weighted_values(both, weights, _OF_RANKS) | weighted_values(raw, weights, _OF_SCORES)
            for weights in (taken, 1 - taken)
        )
        yield {
            **{name: now[name] - stored[name] for name in METRICS},
            "cluster_purity": _purity_change(totals + swap[:, groups].astype(np.float64) @ moves),
        }


def p_value(change: float, swapped: Values) -> float:
    """Share of changes at least as large, the observed one among them; an undefined one counts as large."""
    if np.isnan(change):
        return np.nan
    smaller = np.abs(swapped) < abs(change) - _ROUNDING * max(1.0, abs(change))
    return float((np.count_nonzero(~smaller) + 1) / (len(swapped) + 1))


def _ranks(scores: Values) -> Values:
    """Ranks from 1, equal scores share their mean."""
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[group])


def _purity_parts(sides: list[Side], labels: NDArray[np.int8]) -> Values:
    """Whether each pair has its cluster's majority label and whether it is clustered, now and stored.

    Clusters of two models have nothing in common but this, so this is what can be swapped. Where a cluster has as many
    of either label, each of its pairs counts one half.

    Returns:
        Shape `(n_pairs, 4)`: right now, clustered now, right before, clustered before.
    """
    parts = []
    for _, clusters in sides:
        if clusters is None:
            return np.full((len(labels), 4), np.nan)
        _, cluster = np.unique(clusters, return_inverse=True)
        share = np.bincount(cluster, weights=labels) / np.bincount(cluster)
        agrees = (1 + np.sign(share - 0.5)[cluster] * (2 * labels - 1.0)) / 2
        parts += [np.where(clusters >= 0, agrees, 0.0), (clusters >= 0).astype(np.float64)]
    return np.stack(parts, axis=1)


def _purity_change(sums: Values) -> Values:
    """Purity now minus purity before, of the sums of purity's parts, shape `(n_permutations, 4)`."""
    right_now, clustered_now, right_before, clustered_before = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(right_now / clustered_now - right_before / clustered_before)
