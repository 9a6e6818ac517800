"""The smallest deterioration of a trained model that the gates detect, simulated on what is stored of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analyses.evaluation import LIBRARIES
from harness.analyses.uncertainty import changes_since
from harness.baselines import StoredModel, StoredValue
from harness.data import PairSet
from harness.errors import BaselineError
from harness.execution import Step
from harness.metrics import METRICS, Number
from harness.metrics.tally import Values
from harness.statistics import SEED, Comparisons, power

_STEPS = 10  # from nothing forgotten to everything


@dataclass(frozen=True)
class ModelPower:
    """The power of the comparisons of a model with its stored values: category -> metric -> value, all pairs under "".

    Attributes:
        fails: Share of equally good trainings that fail, in [0, 1].
        inconclusive: Share of those that are inconclusive, in [0, 1].
        drops: The smallest drop of the model's level that a comparison detects by itself with 95 % probability, in the
            metric's unit, from 0; NaN where it detects none.
        together: A comparison's drop in the least forgetting that one comparison or another detects with 95 %
            probability; NaN where none does, or where the stored scores do not tell.
    """

    fails: float
    inconclusive: float
    drops: Mapping[str, Mapping[str, Number]]
    together: Mapping[str, Mapping[str, Number]]


def measure_power(
    *, stored: StoredModel, stored_scores: Sequence[float], stored_base_scores: Sequence[float], eval_pairs: PairSet
) -> ModelPower:
    """Simulate trainings of a model, as good as the stored one and worse, and compare them with what is stored.

    A worse model is one that forgets: its stored scores of the pairs are mixed with those of the base, step by step.

    Raises:
        BaselineError: The trainings that the tolerances come from are not the same for each value, or fewer than two.
    """
    compared = stored.compared
    seeds = {tuple(value.seeds) for _, _, value in compared}
    if len(seeds) != 1 or min(map(len, seeds)) < 2:
        raise BaselineError(
            f"the stored values come from {' and '.join(sorted(str(len(found)) for found in seeds))} trainings, "
            "expected the same two or more for each value: pytest evals/ -m full --update-baselines"
        )
    now, base = np.array(stored_scores), np.array(stored_base_scores)
    steps = [
        _deteriorations(compared, (1 - share) * now + share * base, now, eval_pairs, tuple(stored.categories))
        for share in np.linspace(0, 1, _STEPS + 1)
    ]
    forgotten, low, high = np.moveaxis(np.array(steps), -1, 0)
    found = power(
        Comparisons(
            trainings=np.array([[value.deterioration(x) for x in value.seeds.values()] for _, _, value in compared]).T,
            tolerance=np.array([value.limit for _, _, value in compared]),
            most=np.array([value.deterioration(_worst(metric)) for _, metric, value in compared]),
            forgotten=forgotten,
            low=low,
            high=high,
        ),
        seed=SEED,
    )
    return ModelPower(
        found.fails, found.inconclusive, _nested(compared, found.drops), _nested(compared, found.together)
    )


def _nested(compared: Sequence[tuple[str, str, StoredValue]], values: Values) -> dict[str, dict[str, float]]:
    nested: dict[str, dict[str, float]] = {}
    for (category, metric, _), value in zip(compared, values.tolist(), strict=True):
        nested.setdefault(category, {})[metric] = value
    return nested


def _deteriorations(
    compared: Sequence[tuple[str, str, StoredValue]],
    now: Values,
    scores: Values,
    pairs: PairSet,
    categories: tuple[str, ...],
) -> list[tuple[float, float, float]]:
    """Each comparison's deterioration since the stored scores, and the interval of the change that counts."""
    changes = changes_since(now, scores, pairs, categories, permutations=1)

    def one(category: str, metric: str) -> tuple[float, float, float]:
        change = changes[category][metric]
        worse = change.change if METRICS[metric].direction == "lower" else -change.change
        return worse, change.low, change.high

    return [one(category, metric) for category, metric, _ in compared]


def _worst(metric: str) -> float:
    row = METRICS[metric]
    return row.low if row.direction == "higher" else row.high


POWER = Step("power", run=measure_power, result=ModelPower, libraries=LIBRARIES)
