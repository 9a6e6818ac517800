"""The models of a baseline: values, and tolerances from several trainings, or from the pairs alone."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.baselines.model import CATEGORY_METRICS, DECIMALS, StoredModel, StoredValue
from harness.config import BASE, Case
from harness.errors import BaselineError
from harness.metrics import METRICS, Evaluation
from harness.statistics import Interval, bootstrap_tolerance, retraining_tolerance


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
    rule = case.tolerance
    comparisons = len(METRICS) + len(CATEGORY_METRICS) * len(categories)

    def stored(metric: str, category: str = "") -> StoredValue:
        value = evaluation.result(metric, category).value
        by_seed = {seed: found.result(metric, category).value for seed, found in sorted(retrained.items())}
        if any(map(math.isnan, (value, *by_seed.values()))):
            named = f"{model} {category or 'metric'} {metric}"
            raise BaselineError(f"{case.name}: {named} is undefined and cannot be stored")
        if model == BASE:  # not trained: numeric noise is all there is
            tolerance = rule.base[metric]
        elif intervals is not None:
            noise = _bootstrap_noise(evaluation, intervals, metric, category)
            tolerance = round(max(rule.floor[metric], noise), DECIMALS)
        else:
            noise = retraining_tolerance([*by_seed.values()], comparisons=comparisons, confidence=rule.confidence)
            tolerance = round(max(rule.floor[metric], noise), DECIMALS)
        return StoredValue(
            value=round(value, DECIMALS),
            tolerance=tolerance,
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
