"""What the gate sees of one trained model, simulated on what is stored of it. Pure, and kept as JSON in the store."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import BaselineError
from harness.gates import trusted
from harness.metrics import METRICS, nan_to_null, null_to_nan
from harness.statistics import Comparisons, power
from harness.uncertainty import changes_since

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from harness.baselines import StoredModel, StoredValue
    from harness.pairs import PairSet

    Values = NDArray[np.float64]

_SEED = 0
"""Of the draws: the same baseline sees the same in every run."""

_STEPS = 10  # from nothing forgotten to everything


@dataclass(frozen=True)
class ModelPower:
    """How the comparisons of a model with its stored values do. A comparison is named `metric` or `category/metric`.

    Attributes:
        fails: Share of equally good trainings that fail, in [0, 1].
        inconclusive: Share of those that are inconclusive, in [0, 1].
        drops: Comparison -> the smallest drop of the model's level that it catches by itself with 95 % probability, in
            the metric's unit, from 0; NaN where it catches none.
        together: Comparison -> its drop in the least forgetting that one comparison or another catches with 95 %
            probability; NaN where none is caught, or where the stored scores do not tell.
    """

    fails: float
    inconclusive: float
    drops: Mapping[str, float]
    together: Mapping[str, float]


def measure(stored: StoredModel, scores: Values, base_scores: Values, pairs: PairSet) -> ModelPower:
    """Simulates trainings of a model, as good as the stored one and worse, and holds them against what is stored.

    A worse model is one that forgets: its scores are mixed with those of the base, step by step.

    Args:
        stored: The model in the baseline.
        scores: The pairs' stored scores, shape `(n_pairs,)`.
        base_scores: Those of the base, the same shape.
        pairs: The evaluation pairs.

    Raises:
        BaselineError: The trainings that the tolerances come from are not the same for each value, or fewer than two.
    """
    values = stored.compared
    seeds = {tuple(value.seeds) for value in values.values()}
    if len(seeds) != 1 or min(map(len, seeds)) < 2:
        raise BaselineError(
            f"the stored values come from {' and '.join(sorted(str(len(found)) for found in seeds))} trainings, "
            "expected the same two or more for each value: pytest evals/ -m full --update-baselines"
        )
    steps = [
        _losses(values, (1 - share) * scores + share * base_scores, scores, pairs, tuple(stored.categories))
        for share in np.linspace(0, 1, _STEPS + 1)
    ]
    forgotten, low, high = np.moveaxis(np.array(steps), -1, 0)
    found = power(
        Comparisons(
            trainings=np.array([[value.lost(x) for x in value.seeds.values()] for value in values.values()]).T,
            allowed=np.array([value.allowed for value in values.values()]),
            most=np.array([value.lost(_worst(name)) for name, value in values.items()]),
            forgotten=forgotten,
            low=low,
            high=high,
        ),
        seed=_SEED,
    )
    drops, together = (dict(zip(values, row.tolist(), strict=True)) for row in (found.drops, found.together))
    return ModelPower(found.fails, found.inconclusive, drops, together)


def to_json(power: ModelPower) -> dict[str, Any]:
    """What was found as JSON values; NaN becomes null."""
    whole: dict[str, Any] = nan_to_null(asdict(power))
    return whole


def from_json(content: dict[str, Any]) -> ModelPower:
    """The inverse of `to_json`."""
    drops, together = (
        {name: null_to_nan(drop) for name, drop in content[key].items()} for key in ("drops", "together")
    )
    return ModelPower(content["fails"], content["inconclusive"], drops, together)


def _losses(
    values: Mapping[str, StoredValue], now: Values, scores: Values, pairs: PairSet, categories: tuple[str, ...]
) -> list[tuple[float, float, float]]:
    """Each comparison's loss since the stored scores, and the interval of the change that counts for its verdict."""
    changes = changes_since(now, scores, pairs, categories, permutations=1)

    def loss(name: str, value: StoredValue) -> tuple[float, float, float]:
        change, metric = changes[name], METRICS[name.rpartition("/")[2]]
        lost = change.change if metric.direction == "lower" else -change.change
        known = trusted(change, value, metric.unit)
        return (lost, known.low, known.high) if known else (lost, math.nan, math.nan)

    return [loss(name, value) for name, value in values.items()]


def _worst(comparison: str) -> float:
    metric = METRICS[comparison.rpartition("/")[2]]
    return metric.low if metric.direction == "higher" else metric.high
