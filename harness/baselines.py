"""What `baselines/<case>/baseline.json` stores: reading, building, listing changes, writing in one rename."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from harness.case import BASE, Frozen
from harness.errors import BaselineError
from harness.metrics import METRICS
from harness.statistics import retraining_tolerance
from harness.store import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.case import Case
    from harness.evaluation import Evaluation

CATEGORY_METRICS = ("auc_roc", "margin")
"""What of each category is stored and compared; names of `METRICS` and of the attributes of a `GroupResult`."""

DECIMALS = 6
"""Values and scores are stored with as many."""


class StoredValue(Frozen):
    """A value, how much worse is still noise, and where the noise was read off.

    Attributes:
        value: As measured.
        tolerance: Worse by more than this is a regression.
        direction: Whether a higher or a lower value is better.
        seeds: Training seed -> value of that training; empty for the base.
    """

    value: float
    tolerance: float = Field(ge=0)
    direction: Literal["higher", "lower"]
    seeds: dict[str, float]

    @property
    def allowed(self) -> float:
        """The most that a value may lose: one is no worse than itself, rounded."""
        return self.tolerance + 10.0**-DECIMALS

    def lost(self, value: float) -> float:
        """How much worse than stored a value is; negative where it is better."""
        return self.value - value if self.direction == "higher" else value - self.value


class StoredModel(Frozen):
    """One model: metric -> value, category -> metric -> value, its settings, and how they came about."""

    metrics: dict[str, StoredValue]
    categories: dict[str, dict[str, StoredValue]]
    settings: dict[str, Any] = Field(default_factory=dict)
    provenance: dict[str, Any]

    @property
    def compared(self) -> dict[str, StoredValue]:
        """Every value that is compared, `metric` or `category/metric`; the metrics in the order of reports."""
        whole = {name: self.metrics[name] for name in METRICS if name in self.metrics}
        return whole | {
            f"{category}/{name}": values[name]
            for category, values in self.categories.items()
            for name in CATEGORY_METRICS
            if name in values
        }


class Origin(Frozen):
    """What values must share to be comparable: the evaluation pairs and the base model."""

    eval_sha256: str
    eval_pairs: int
    base_name: str
    base_digest: str


class Baseline(Frozen):
    """One baseline file. `scores` has a row a pair, in the order of the evaluation file: model -> score."""

    version: Literal[1]
    origin: Origin
    models: dict[str, StoredModel]
    scores: list[dict[str, float]]


def baseline_path(root: Path, case: Case) -> Path:
    """Where a case's baseline is stored."""
    return root / case.name / "baseline.json"


def read_baseline(path: Path) -> Baseline | None:
    """The stored baseline; None where there is none.

    Raises:
        BaselineError: The file is not a baseline.
    """
    if not path.exists():
        return None
    try:
        baseline = Baseline.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(f"{path}: cannot be read: {error}") from None
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}" for problem in error.errors()[:5]
        )
        raise BaselineError(f"{path}: not a baseline: {problems}. Restore it from version control") from None
    problem = _contradiction(baseline)
    if problem:
        raise BaselineError(f"{path}: not a baseline: {problem}. Restore it from version control")
    return baseline


def build_model(
    case: Case,
    model: str,
    evaluation: Evaluation,
    retrained: Mapping[int, Evaluation],
    categories: Sequence[str],
    settings: Mapping[str, Any],
    provenance: dict[str, Any],
) -> StoredModel:
    """What to store of one model.

    Args:
        case: Gives the rule for the tolerance.
        model: The base or a key of the case's models.
        evaluation: The model's own values.
        retrained: Seed -> values of a training with that seed, the model's own included; empty for the base.
        categories: The categories to store.
        settings: What the model does to a text besides its weights; stored as it is.
        provenance: Stored as it is.

    Raises:
        BaselineError: A value is undefined: it cannot be a reference.
    """
    comparisons = len(METRICS) + len(CATEGORY_METRICS) * len(categories)

    def stored(metric: str, value: float, by_seed: Mapping[int, float], where: str) -> StoredValue:
        undefined = [f"{where} {metric}"] if any(v != v for v in (value, *by_seed.values())) else []
        if undefined:
            raise BaselineError(f"{case.name}: {model} {undefined[0]} is undefined and cannot be stored")
        return StoredValue(
            value=round(value, DECIMALS),
            tolerance=tolerance(case, model, metric, list(by_seed.values()), comparisons),
            direction=METRICS[metric].direction,
            seeds={str(seed): round(v, DECIMALS) for seed, v in sorted(by_seed.items())},
        )

    return StoredModel(
        metrics={
            name: stored(name, result.value, {seed: e.metrics[name].value for seed, e in retrained.items()}, "metric")
            for name, result in evaluation.metrics.items()
        },
        categories={
            category: {
                name: stored(
                    name,
                    getattr(evaluation.categories[category], name),
                    {seed: getattr(e.categories[category], name) for seed, e in retrained.items()},
                    category,
                )
                for name in CATEGORY_METRICS
            }
            for category in categories
        },
        settings=dict(settings),
        provenance=provenance,
    )


def tolerance(case: Case, model: str, metric: str, by_seed: Sequence[float], comparisons: int) -> float:
    """How much worse than stored is still noise, in the metric's unit, by the case's rule."""
    if model == BASE:
        return case.tolerance.base[metric]
    noise = retraining_tolerance(by_seed, comparisons=comparisons, confidence=case.tolerance.confidence)
    return round(max(case.tolerance.floor[metric], noise), DECIMALS)


def stored_scores(baseline: Baseline | None, origin: Origin, model: str) -> list[float] | None:
    """Each pair's stored score under a model; None where there is none, or the stored pairs or base are others."""
    if baseline is None or model not in baseline.models:
        return None
    was = baseline.origin
    if (was.eval_sha256, was.base_digest) != (origin.eval_sha256, origin.base_digest):
        return None
    return [row[model] for row in baseline.scores]


def build_scores(evaluations: Mapping[str, Evaluation]) -> list[dict[str, float]]:
    """Each pair's score per model, a row a pair."""
    columns = {name: [round(score, DECIMALS) for score in e.scores] for name, e in evaluations.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def changes(old: Baseline | None, new: Baseline) -> list[str]:
    """What an update changes, a line each, for people. Empty where nothing does."""
    if old is None:
        return [f"new: {len(new.models)} models, {len(new.scores)} pairs"]
    before, after = _flat(old), _flat(new)
    lines = [
        f"{key}: {before.get(key, 'not stored')} -> {after.get(key, 'gone')}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    moved = sum(a != b for a, b in zip(old.scores, new.scores, strict=False)) + abs(len(old.scores) - len(new.scores))
    return [*lines, f"scores of {moved} of {len(new.scores)} pairs"] if moved else lines


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Writes a baseline in one rename: sorted, a line a number and a line a pair, so that a diff reads well."""
    content = baseline.model_dump(mode="json")
    rows = ",\n".join("    " + json.dumps(row, sort_keys=True) for row in content.pop("scores"))
    head = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
    write_whole(path, f'{head[:-2]},\n  "scores": [\n{rows}\n  ]\n}}\n')


def _contradiction(baseline: Baseline) -> str:
    """What in a well-formed baseline would disarm a gate; empty where nothing does."""
    if len(baseline.scores) != baseline.origin.eval_pairs:
        return f"scores: {len(baseline.scores)} rows for {baseline.origin.eval_pairs} pairs"
    for model, stored in baseline.models.items():
        for values in (stored.metrics, *stored.categories.values()):
            for metric, value in values.items():
                if metric in METRICS and value.direction != METRICS[metric].direction:
                    return f"{model} {metric}: direction {value.direction}, expected {METRICS[metric].direction}"
    return ""


def _flat(baseline: Baseline) -> dict[str, Any]:
    """Every stored thing but the scores under one dotted key."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                walk(f"{prefix}.{key}" if prefix else key, item)
        else:
            flat[prefix] = value

    walk("", baseline.model_dump(mode="json", exclude={"scores"}))
    return flat
