"""The permutation test of two models on the same pairs: swapped at random, they change by chance alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.metrics import METRICS, average_ranks
from harness.metrics.tally import rank
from harness.metrics.weighted import weighted_values
from harness.statistics.resampling import block_sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Values = NDArray[np.float64]

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Side:
    """One of two models of the pairs: scores, and clusters (-1 for noise) or None, shape `(n_pairs,)`."""

    scores: Values
    clusters: NDArray[np.int64] | None


def swapped_changes(
    sides: list[Side], labels: NDArray[np.int8], groups: NDArray[np.int64], permutations: int, seed: int
) -> Iterator[dict[str, Values]]:
    """Yield the changes of every metric in blocks of permutations.

    Both sides are ranked together, once. A permuted side is then a weighting of this ranking: of the two scores of a
    pair one has weight 1, the other 0.
    """
    count = len(labels)
    ranks = rank(np.concatenate([average_ranks(side.scores) for side in sides]), np.concatenate([labels, labels]))
    scores = ranks.with_scores(np.concatenate([side.scores for side in sides]))
    pair, is_stored = ranks.order % count, ranks.order >= count
    terms = {name: _terms(metric.terms, sides, labels) for name, metric in METRICS.items() if metric.terms}
    by_rank = [name for name, metric in METRICS.items() if metric.by_rank and name not in terms]
    by_score = [name for name in METRICS if name not in by_rank and name not in terms]
    rng = np.random.default_rng((seed, 1))  # not the stream of the resamples
    for size in block_sizes(permutations, 2 * count):
        swap = rng.integers(2, size=(size, groups.max() + 1)).astype(bool)
        taken = (swap[:, groups[pair]] == is_stored).astype(np.float64)
        now, stored = (
            weighted_values(ranks, weights, by_rank) | weighted_values(scores, weights, by_score)
            for weights in (taken, 1 - taken)
        )
        swapped_pairs = swap[:, groups].astype(np.float64)
        yield {name: now[name] - stored[name] for name in now} | {
            name: _ratio_changes(parts, swapped_pairs) for name, parts in terms.items()
        }


def p_value(change: float, swapped: Values) -> float:
    """Return the share of changes at least as large, the observed one among them; an undefined one counts as large."""
    if np.isnan(change):
        return np.nan
    smaller = np.abs(swapped) < abs(change) - _ROUNDING * max(1.0, abs(change))
    return float((np.count_nonzero(~smaller) + 1) / (len(swapped) + 1))


def _terms(terms: Callable[..., Values], sides: list[Side], labels: NDArray[np.int8]) -> Values:
    """Numerator and denominator of each pair now and stored, NaN without clusters, shape `(n_pairs, 4)`."""
    missing = np.full((len(labels), 2), np.nan)
    return np.hstack([missing if side.clusters is None else terms(labels, side.clusters) for side in sides])


def _ratio_changes(parts: Values, swapped: Values) -> Values:
    """Changes of a ratio of sums of `_terms`, where those of some pairs are swapped, shape `(n_permutations,)`."""
    sums = parts.sum(axis=0) + swapped @ (np.roll(parts, 2, axis=1) - parts)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[:, 0] / sums[:, 1] - sums[:, 2] / sums[:, 3])
