"""The models of a baseline: values, and tolerances from several trainings, or from the pairs alone."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.baselines.model import CATEGORY_METRICS, DECIMALS, StoredModel, StoredValue
from harness.config import BASE, Case, Tolerance
from harness.data import PairSet
from harness.errors import BaselineError
from harness.metrics import METRICS, Evaluation
from harness.statistics import SEED, Interval, bootstrap_tolerance, retraining_tolerance
from harness.statistics import intervals as resample


def build_model(
    case: Case,
    model: str,
    evaluation: Evaluation,
    retrained: Mapping[int, Evaluation],
    categories: Sequence[str],
    settings: Mapping[str, Any],
    provenance: Mapping[str, Any],
    intervals: Mapping[str, Mapping[str, Interval]] | None = None,
) -> StoredModel:
    """Build what is stored of one model, its tolerances by the case's rule; settings and provenance stay as they are.

    `retrained` is seed -> values of a training with that seed, the model's own included; empty for the base, and for a
    model that is not trained here: `intervals` are then those of its values, by category, all pairs under "".

    Raises:
        BaselineError: A value is undefined: it cannot be a reference.
    """
    comparisons = len(METRICS) + len(CATEGORY_METRICS) * len(categories)

    def stored(metric: str, category: str = "") -> StoredValue:
        value = evaluation.result(metric, category).value
        by_seed = {seed: found.result(metric, category).value for seed, found in sorted(retrained.items())}
        if any(map(math.isnan, (value, *by_seed.values()))):
            named = f"{model} {category or 'metric'} {metric}"
            raise BaselineError(f"{case.name}: {named} is undefined and cannot be stored")
        noise = 0.0
        if intervals is not None:
            noise = _bootstrap_noise(evaluation, intervals, metric, category)
        elif model != BASE:
            noise = seed_noise(case.tolerance, by_seed.values(), comparisons)
        return StoredValue(
            value=round(value, DECIMALS),
            tolerance=round(max(least_tolerance(case, model, metric), noise), DECIMALS),
            direction=METRICS[metric].direction,
            seeds={str(seed): round(found, DECIMALS) for seed, found in by_seed.items()},
        )

    return StoredModel(
        tolerance_from="case" if model == BASE else "seeds" if intervals is None else "bootstrap",
        metrics={name: stored(name) for name in METRICS},
        categories={category: {name: stored(name, category) for name in CATEGORY_METRICS} for category in categories},
        settings=dict(settings),
        provenance=dict(provenance),
    )


def least_tolerance(case: Case, model: str, metric: str) -> float:
    """Return the tolerance that the case states: of the base all of it, since numeric noise is all that moves it."""
    return case.tolerance.base[metric] if model == BASE else case.tolerance.floor[metric]


def seed_noise(rule: Tolerance, values: Iterable[float], comparisons: int) -> float:
    """Return how far another training may fall behind, by the values of several."""
    return retraining_tolerance(list(values), comparisons=comparisons, confidence=rule.confidence)


def score_intervals(
    scores: NDArray[np.float64], pairs: PairSet, categories: Iterable[str]
) -> dict[str, Mapping[str, Interval]]:
    """Resample the pairs of each category, "" for all of them: category -> metric -> interval."""
    found: dict[str, Mapping[str, Interval]] = {}
    for category in categories:
        rows = np.flatnonzero([not category or name == category for name in pairs.categories])
        found[category] = resample(
            scores[rows],
            pairs.labels[rows],
            pairs.text_rows[rows],
            seed=SEED,
            grades=None if pairs.grades is None else pairs.grades[rows],
        )
    return found


def _bootstrap_noise(
    evaluation: Evaluation, intervals: Mapping[str, Mapping[str, Interval]], metric: str, category: str
) -> float:
    """Return how far a value would move with other pairs; where those of a category are too few to tell, of all."""
    found = {part: intervals[part][metric] for part in (category, "")}
    part = next((part for part, interval in found.items() if not math.isnan(interval.low)), category)
    return bootstrap_tolerance(evaluation.result(metric, part).value, found[part], METRICS[metric].direction)


def build_scores(evaluations: Mapping[str, Evaluation]) -> list[dict[str, float]]:
    """Build each pair's score by model, a row a pair."""
    columns = {name: [round(score, DECIMALS) for score in found.scores] for name, found in evaluations.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
