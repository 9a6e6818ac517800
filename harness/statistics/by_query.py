"""Means over queries, which are independent of each other: intervals, and the change between two models."""

from dataclasses import dataclass

import numpy as np

from harness.metrics.retrieval import RetrievalResult
from harness.metrics.tally import Values
from harness.metrics.types import Number
from harness.statistics.bootstrap import SEED
from harness.statistics.intervals import Interval, percentile_interval
from harness.statistics.resampling import block_sizes


@dataclass(frozen=True)
class RetrievalChange:
    """A model's retrieval beside another one's, query by query.

    Attributes:
        difference: Mean difference of the metric.
        interval: Its 95 % interval, paired by query.
        lost: Rows of the queries whose first document was relevant and is not any more.
        won: Rows of those of which the reverse holds.
        reason: Why the difference is NaN, in words; else empty.
    """

    difference: Number
    interval: Interval
    lost: tuple[int, ...]
    won: tuple[int, ...]
    reason: str = ""


def retrieval_change(now: RetrievalResult, before: RetrievalResult, metric: str) -> RetrievalChange:
    """Compare two models on the same queries."""
    difference = np.array(now.per_query[metric]) - np.array(before.per_query[metric])
    flips = list(zip(before.first, now.first, strict=True))
    return RetrievalChange(
        difference=float(difference.mean()),
        interval=mean_interval(difference),
        lost=tuple(row for row, (was, found) in enumerate(flips) if was and not found),
        won=tuple(row for row, (was, found) in enumerate(flips) if found and not was),
        reason=now.reason or before.reason,
    )


def mean_interval(values: Values, *, seed: int = SEED, resamples: int = 2000) -> Interval:
    """Return the bootstrap interval of a mean, the queries drawn with replacement.

    Args:
        values: A metric of each query, shape `(n_queries,)`, or its difference between two models: the interval is then
            that of the paired change.
        seed: Of the draws.
        resamples: Number of resamples.
    """
    rng, count = np.random.default_rng(seed), len(values)
    sizes = block_sizes(resamples, count)
    means = [values[rng.integers(count, size=(size, count))].mean(axis=1) for size in sizes]
    return percentile_interval(float(values.mean()), np.concatenate(means), count)
