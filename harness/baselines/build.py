"""The models of a baseline: values, and tolerances from several trainings, or from the pairs alone."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.baselines.model import CATEGORY_METRICS, DECIMALS, StoredModel, StoredValue
from harness.config import BASE, Case, Tolerance
from harness.data import PairSet
from harness.errors import BaselineError
from harness.metrics import METRICS, Evaluation
from harness.statistics import SEED, Interval, bootstrap_tolerance, retraining_tolerances
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
    undefined: Collection[str] = (),
) -> StoredModel:
    """Build what is stored of one model, its tolerances by the case's rule; settings and provenance stay as they are.

    `retrained` is seed -> values of a training with that seed, the model's own included; empty for the base, and for a
    model that is not trained here: `intervals` are then those of its values, by category, all pairs under "". Nothing
    is stored of the metrics that are `undefined` (see `undefined_metrics`).

    Raises:
        BaselineError: A value is undefined: it cannot be a reference.
    """
    compared = {
        "": tuple(name for name in METRICS if name not in undefined),
        **dict.fromkeys(categories, CATEGORY_METRICS),
    }
    values = _values(case, model, evaluation, compared)
    by_seed = {seed: _values(case, model, found, compared) for seed, found in sorted(retrained.items())}
    noise = dict.fromkeys(values, 0.0)
    if intervals is not None:
        noise = {about: _bootstrap_noise(evaluation, intervals, *about) for about in values}
    elif model != BASE:
        noise = seed_noise(case.tolerance, {about: [found[about] for found in by_seed.values()] for about in values})

    def stored(category: str, metric: str) -> StoredValue:
        about = (category, metric)
        return StoredValue(
            value=round(values[about], DECIMALS),
            tolerance=round(max(least_tolerance(case, model, metric), noise[about]), DECIMALS),
            direction=METRICS[metric].direction,
            seeds={str(seed): round(found[about], DECIMALS) for seed, found in by_seed.items()},
        )

    return StoredModel(
        tolerance_from="case" if model == BASE else "seeds" if intervals is None else "bootstrap",
        metrics={name: stored("", name) for name in compared[""]},
        categories={category: {name: stored(category, name) for name in CATEGORY_METRICS} for category in categories},
        settings=dict(settings),
        provenance=dict(provenance),
    )


def undefined_metrics(evaluations: Iterable[Evaluation]) -> dict[str, str]:
    """Return the metrics of clusters that not every good model has on these pairs, and why: few pairs form none.

    Any other metric that is undefined is a fault of the model.
    """
    return {
        name: found.reason
        for evaluation in evaluations
        for name, found in evaluation.metrics.items()
        if METRICS[name].terms is not None and math.isnan(found.value)
    }


def least_tolerance(case: Case, model: str, metric: str) -> float:
    """Return the tolerance that the case states: of the base all of it, since numeric noise is all that moves it."""
    return case.tolerance.base[metric] if model == BASE else case.tolerance.floor[metric]


def seed_noise(rule: Tolerance, trainings: Mapping[tuple[str, str], Sequence[float]]) -> dict[tuple[str, str], float]:
    """Return how far another training may fall behind, by the values of several.

    Args:
        rule: Of the case.
        trainings: Category, "" for all pairs, and metric -> a value of each training, in the same order. The categories
            of a metric are held together.
    """
    groups: dict[tuple[str, bool], list[tuple[str, str]]] = {}
    for category, metric in trainings:
        groups.setdefault((metric, bool(category)), []).append((category, metric))
    noise: dict[tuple[str, str], float] = {}
    for together in groups.values():
        values = np.transpose([trainings[about] for about in together])
        found = retraining_tolerances(values, comparisons=len(trainings), confidence=rule.confidence)
        noise |= zip(together, found.tolist(), strict=True)
    return noise


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


def _values(
    case: Case, model: str, evaluation: Evaluation, compared: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], float]:
    """Return every value that is stored: category, "" for all pairs, and metric -> value."""
    values = {
        (category, metric): evaluation.result(metric, category).value
        for category, metrics in compared.items()
        for metric in metrics
    }
    for (category, metric), value in values.items():
        if math.isnan(value):
            named = f"{model} {category or 'metric'} {metric}"
            raise BaselineError(f"{case.name}: {named} is undefined and cannot be stored")
    return values


def _bootstrap_noise(
    evaluation: Evaluation, intervals: Mapping[str, Mapping[str, Interval]], category: str, metric: str
) -> float:
    """Return how far a value would move with other pairs; where those of a category are too few to tell, of all."""
    found = {part: intervals[part][metric] for part in (category, "")}
    part = next((part for part, interval in found.items() if not math.isnan(interval.low)), category)
    return bootstrap_tolerance(evaluation.result(metric, part).value, found[part], METRICS[metric].direction)


def build_scores(evaluations: Mapping[str, Evaluation]) -> list[dict[str, float]]:
    """Build each pair's score by model, a row a pair."""
    columns = {name: [round(score, DECIMALS) for score in found.scores] for name, found in evaluations.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
