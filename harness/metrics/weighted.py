"""Every metric of pairs that carry weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.metrics.table import METRICS
from harness.metrics.tally import Ranking, Tally
from harness.metrics.types import Metric, ScoredPairs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Values = NDArray[np.float64]


def weighted_values(ranking: Ranking, weights: Values, metrics: Iterable[str] | None = None) -> dict[str, Values]:
    """Compute metrics of every resample, as their functions do of the pairs written down that many times.

    Cluster purity holds the clustering fixed: pairs keep their cluster, and only the counts change.

    Args:
        ranking: The pairs.
        weights: Whole numbers from 0 up, shape `(n_resamples, n_pairs)`, the pairs in the order of the ranking.
        metrics: Keys of `METRICS`, those to compute; None: all.

    Returns:
        Metric -> values, shape `(n_resamples,)`, NaN where a resample has none.
    """
    tally = Tally(ranking, weights)
    both = (tally.positives > 0) & (tally.negatives > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            name: np.where(both, _weighted(METRICS[name], tally), np.nan)
            for name in (METRICS if metrics is None else metrics)
        }


def _weighted(metric: Metric, tally: Tally) -> Values:
    return _of_repeated_pairs(metric, tally) if metric.weighted is None else metric.weighted(tally)


def _of_repeated_pairs(metric: Metric, tally: Tally) -> Values:
    """Compute a metric without a batched function: slow, one resample after the other.

    Only scores and labels are known here. A metric that asks for anything else finds it empty, which is an error and
    not a wrong value: it needs a batched function.
    """
    ranking, nothing = tally.ranking, np.empty((0, 0))
    values = []
    for weights in tally.weights.astype(np.int64):
        rows = np.repeat(np.arange(len(weights)), weights)
        labels = ranking.labels[rows].astype(np.int8)
        values.append(metric.function(ScoredPairs(ranking.scores[rows], labels, nothing, (), ())).value)
    return np.array(values, dtype=np.float64)
