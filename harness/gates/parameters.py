"""What gates are judged for: the models, metrics, categories and stages of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.baselines import CATEGORY_METRICS
from harness.data.audit import CHECKS
from harness.gates.resources import BATCHES
from harness.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from harness.gates.evidence import Scope


def _each(field: str, values: Collection[str]) -> list[dict[str, str]]:
    return [{field: value} for value in values]


def _stages(scope: Scope) -> list[dict[str, str]]:
    """The stages of each model that this run measures; a candidate was trained elsewhere."""
    if scope.case.gates.memory_mb is None:
        return []
    trained = () if scope.candidate else scope.trained
    return [
        {"model": model, "stage": stage}
        for model in scope.models
        for stage in (("train", "encode") if model in trained else ("encode",))
    ]


def _relative_gates(scope: Scope) -> list[dict[str, str]]:
    return [
        {"model": gate.model, "reference": gate.reference, "metric": gate.metric}
        for gate in scope.case.gates.relative_performance
        if gate.model in scope.trained
    ]


def _learning_rate(scope: Scope) -> list[dict[str, str]]:
    check = scope.case.learning_rate
    if check is None or scope.candidate is not None:
        return []
    return [{"model": check.model, "reference": check.reference, "metric": check.metric}]


def _candidate(scope: Scope, *strategies: str) -> list[dict[str, str]]:
    found = scope.candidate
    return [{"model": found.model}] if found is not None and found.strategy in strategies else []


PARAMETERS: dict[str, Callable[[Scope], Sequence[dict[str, str]]]] = {
    "model": lambda scope: _each("model", scope.models),
    "trained": lambda scope: _each("model", scope.trained),
    "adapter": lambda scope: _each("model", scope.adapters),
    "candidate": lambda scope: _candidate(scope, "full", "lora"),
    "candidate_adapter": lambda scope: _candidate(scope, "lora"),
    "stage": _stages,
    "relative_performance": _relative_gates,
    "learning_rate": _learning_rate,
    "metric": lambda _: _each("metric", METRICS),
    "gain": lambda scope: _each("metric", scope.case.gates.beats_base),
    "category": lambda scope: _each("category", scope.compared_categories),
    "category_metric": lambda _: _each("metric", CATEGORY_METRICS),
    "check": lambda _: _each("check", CHECKS),
    "texts": lambda _: _each("texts", ("eval", "probes")),
    "batch": lambda _: _each("batch", [str(batch) for batch in BATCHES]),
}
"""Parameter -> the fields of `Subject` that each of its values sets in a run."""
