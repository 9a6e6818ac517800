"""What every metric reads and returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs under one model: everything a metric may look at.

    Attributes:
        scores: Cosine similarity of each pair, shape `(n_pairs,)`, in [-1, 1].
        labels: 1 for compatible, 0 for not, shape `(n_pairs,)`.
        pair_means: Mean of the two text embeddings of each pair, shape `(n_pairs, dimension)`.
        categories: Category of each pair.
        pair_types: Pair type of each pair.
    """

    scores: NDArray[np.float64]
    labels: NDArray[np.int8]
    pair_means: NDArray[np.float64]
    categories: tuple[str, ...]
    pair_types: tuple[str, ...]


@dataclass(frozen=True)
class MetricResult:
    """One metric of one model. `value` is NaN where the metric is undefined, and `reason` then says why.

    `details` holds what belongs to the value and can be written as JSON: numbers, strings, booleans, None, lists, dicts.
    """

    value: float
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric:
    """A row of the `METRICS` table.

    Attributes:
        title: The name in reports.
        function: Arrays in, value out.
        direction: Whether a higher or a lower value is better.
        unit: What the value counts, for axes and tables.
        low: Least possible value.
        high: Greatest possible value.
    """

    title: str
    function: Callable[[ScoredPairs], MetricResult]
    direction: Literal["higher", "lower"]
    unit: str
    low: float
    high: float
