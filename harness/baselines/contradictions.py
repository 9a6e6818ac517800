"""A stored baseline held against itself: edited numbers that would disarm its gates, in a file that is well-formed."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from harness.baselines.build import least_tolerance, score_intervals, seed_noise
from harness.baselines.model import DECIMALS, Baseline, Comparison, StoredModel, StoredValue
from harness.config import BASE, Case
from harness.data import PairSet
from harness.metrics import METRICS, ScoredPairs
from harness.statistics import Interval, bootstrap_tolerance
from harness.text import count, number

_ROUNDED = 0.005  # what a metric may move when the scores are rounded to `DECIMALS`
_ALLOWED = 1.01  # times what is allowed: the trainings behind a tolerance are rounded as well


def contradictions(baseline: Baseline | None, case: Case, pairs: PairSet) -> Iterator[str]:
    """Yield what a run cannot have stored: a value that its scores do not give, a tolerance that nothing allows.

    Args:
        baseline: Made from these pairs; None where nothing is stored.
        case: Whose rule the tolerances follow.
        pairs: The evaluation pairs.
    """
    if baseline is None:
        return
    for model, stored in baseline.models.items():
        scores = np.array([row[model] for row in baseline.scores])
        resampled = ("", *stored.categories) if stored.tolerance_from == "bootstrap" else ()
        drawn = score_intervals(scores, pairs, resampled)
        other = _other_trainings(stored)
        trainings = {(category, metric): list(value.seeds.values()) for category, metric, value in stored.compared}
        seeded = {} if other else seed_noise(case.tolerance, trainings)
        for found in stored.compared:
            name = " ".join(filter(None, (model, found.category, found.metric)))
            yield from (f"{name}: {words}" for words in _of_value(case, model, found, scores, pairs))
            yield from (f"{name}: {words}" for words in _of_tolerance(case, model, stored, found, drawn, seeded, other))


def cannot_fail(model: StoredModel, pairs: PairSet) -> Iterator[Comparison]:
    """Yield the comparisons that no model fails, however bad: their tolerance reaches to the end of the range.

    Of a metric without a least value that is a model that ranks everything the other way round.
    """
    negatives = int(np.count_nonzero(pairs.labels == 0))
    for found in model.compared:
        row, value = METRICS[found.metric], found.value.value
        worst = row.low if math.isfinite(row.low) else -abs(value)
        if row.direction == "lower":
            worst = row.high if math.isfinite(row.high) else negatives
        if found.value.limit >= found.value.deterioration(worst) > 0:
            yield found


def _of_value(case: Case, model: str, found: Comparison, scores: NDArray[np.float64], pairs: PairSet) -> Iterator[str]:
    row, value = METRICS[found.metric], found.value
    recipe = case.recipes.get(model)
    own = value.seeds.get(str(recipe.seed)) if recipe else None
    if own is not None and own != value.value:
        yield f"{_is(value, row.unit)}, that of its own seed {number(own, row.unit)}"
    if row.terms is not None:  # no function of the scores
        return
    given = row.function(_scored(scores, pairs, found.category)).value
    noise = 1 if row.unit == "pairs" else _ROUNDED  # a rounded score may move one pair over a threshold
    if not abs(given - value.value) <= noise:
        yield f"{_is(value, row.unit)}, its stored scores give {number(given, row.unit)}"


def _other_trainings(stored: StoredModel) -> set[tuple[str, str]]:
    """Return category and metric of the values behind which are not the same two or more trainings as behind most."""
    seeds = {(category, metric): tuple(value.seeds) for category, metric, value in stored.compared}
    counted = Counter(seeds.values())
    usual = max(counted, key=counted.__getitem__, default=())
    return {about for about, found in seeds.items() if len(found) < 2 or found != usual}


def _of_tolerance(
    case: Case,
    model: str,
    stored: StoredModel,
    found: Comparison,
    drawn: Mapping[str, Mapping[str, Interval]],
    seeded: Mapping[tuple[str, str], float],
    other: Collection[tuple[str, str]],
) -> Iterator[str]:
    value, unit, about = found.value, METRICS[found.metric].unit, (found.category, found.metric)
    floor, noise, why = least_tolerance(case, model, found.metric), 0.0, "the case"
    if model != BASE and stored.tolerance_from == "seeds":
        if about in other:
            trainings = f"{count(len(value.seeds), 'training')} ({', '.join(value.seeds)})"
            yield f"{trainings} behind its tolerance, expected several, the same for each value"
        if other:  # what the spread would be is not known
            return
        noise = seeded[about]
        why = f"the case and {count(len(value.seeds), 'training')}"
    elif model != BASE and stored.tolerance_from == "bootstrap":
        interval = drawn[found.category][found.metric]
        if math.isnan(interval.low):
            interval = drawn[""][found.metric]
        if math.isnan(interval.low):  # no function of the scores
            return
        noise = bootstrap_tolerance(value.value, interval, value.direction)
        why = "the case and the pairs"
    allowed = max(floor, noise)
    if value.tolerance > _ALLOWED * allowed + 10.0**-DECIMALS:
        yield f"the tolerance is {number(value.tolerance, unit)}, by {why} it is at most {number(allowed, unit)}"


def _is(value: StoredValue, unit: str) -> str:
    return f"the stored value is {number(value.value, unit)}"


def _scored(scores: NDArray[np.float64], pairs: PairSet, category: str) -> ScoredPairs:
    rows = np.array([not category or name == category for name in pairs.categories], dtype=bool)
    kept = np.flatnonzero(rows)
    return ScoredPairs(
        scores=scores[kept],
        labels=pairs.labels[kept],
        pair_means=np.zeros((len(kept), 0)),
        categories=tuple(pairs.categories[row] for row in kept),
        pair_types=tuple(pairs.pair_types[row] for row in kept),
        grades=None if pairs.grades is None else pairs.grades[kept],
    )
