"""What every metric reads and returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs under one model: everything a metric may look at. All attributes are in the same order of pairs.

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
    """One metric of one model.

    Attributes:
        value: The metric, or NaN where it is undefined. Never 0 for undefined.
        reason: Why the value is NaN, in words; empty where it is a number.
        details: What belongs to the value and can be written as strict JSON: numbers (no NaN, no infinity), strings,
            booleans, None, lists, dicts. Empty where the input allowed no computation at all.
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
