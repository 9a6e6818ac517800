"""Parameters of gates: the models, metrics and so on of a run that each is judged for."""

import itertools
from collections.abc import Callable, Iterable

from harness.baselines import CATEGORY_METRICS
from harness.config import LearningRateCheck, RelativeGate
from harness.data.audit import CHECKS
from harness.gates.inputs import Inputs
from harness.gates.limits import BATCHES
from harness.metrics import METRICS


def _each(field: str, values: Iterable[str]) -> list[dict[str, str]]:
    return [{field: value} for value in values]


def _compared(gates: Iterable[RelativeGate | LearningRateCheck]) -> list[dict[str, str]]:
    return [{"model": gate.model, "reference": gate.reference, "metric": gate.metric} for gate in gates]


def _stages(inputs: Inputs) -> list[dict[str, str]]:
    """The stages of each model that happen on this machine; a candidate was trained elsewhere."""
    here = {
        "train": () if inputs.candidate else inputs.case.recipes,
        "encode": [model for model in inputs.models if inputs.trained.get(model) != "endpoint"],
    }
    pairs = itertools.product(inputs.models, () if inputs.case.gates.memory_mb is None else here)
    return [{"model": model, "stage": stage} for model, stage in pairs if model in here[stage]]


def _truncated(inputs: Inputs) -> list[dict[str, str]]:
    gate = inputs.case.gates.truncation
    if gate is None:
        return []
    pairs = itertools.product(filter(inputs.trained.get, gate.models), gate.widths)
    return [{"model": model, "width": str(width), "metric": gate.metric} for model, width in pairs]


def _matryoshka(inputs: Inputs) -> list[dict[str, str]]:
    gate = inputs.case.gates.truncation
    pairs = itertools.product(gate.plain.items() if gate else (), gate.widths if gate else ())
    return [
        {"model": model, "reference": plain, "width": str(width), "metric": gate.metric}
        for (model, plain), width in pairs
        if gate is not None and {model, plain} <= inputs.trained.keys()
    ]


def _ranks(inputs: Inputs) -> list[dict[str, str]]:
    gate = inputs.case.gates.rank
    if gate is None or inputs.candidate:
        return []
    lora = inputs.case.recipes[gate.model].lora
    others = [rank for rank in gate.ranks if lora is not None and rank != lora.rank]
    return [{"model": gate.model, "metric": gate.metric, "rank": str(rank)} for rank in others]


PARAMETERS: dict[str, Callable[[Inputs], list[dict[str, str]]]] = {
    "model": lambda inputs: _each("model", inputs.models),
    "trained": lambda inputs: _each("model", inputs.trained),
    "trained_here": lambda inputs: _each("model", () if inputs.candidate else inputs.case.recipes),
    "trained_with_dev": lambda inputs: _each(
        "model", () if inputs.candidate or inputs.dev is None else inputs.case.recipes
    ),
    "general": lambda inputs: _each(
        "model", () if inputs.candidate or inputs.case.gates.forgetting is None else inputs.trained
    ),
    "searched": lambda inputs: _each("model", () if inputs.retrieval is None else inputs.trained),
    "compared": lambda inputs: [] if inputs.retrieval is None or inputs.candidate else [{}],
    "rank": _ranks,
    "reranked": lambda inputs: _each("model", inputs.reranked),
    "adapter": lambda inputs: _each("model", inputs.adapters),
    "candidate": lambda inputs: _each("model", inputs.candidates),
    "candidate_adapter": lambda inputs: _each("model", filter(inputs.candidates.get, inputs.adapters)),
    "candidate_of_base": lambda inputs: _each("model", (name for name, c in inputs.candidates.items() if c.of_base)),
    "recorded_candidate": lambda inputs: _each("model", (name for name, c in inputs.candidates.items() if c.recorded)),
    "stage": _stages,
    "relative_performance": lambda inputs: _compared(
        gate for gate in inputs.case.gates.relative_performance if gate.model in inputs.trained
    ),
    "truncation": _truncated,
    "matryoshka": _matryoshka,
    "learning_rate": lambda inputs: _compared([] if inputs.candidate else filter(None, [inputs.case.learning_rate])),
    "metric": lambda _: _each("metric", METRICS),
    "gain": lambda inputs: _each("metric", inputs.case.gates.beats_base),
    "category": lambda inputs: _each("category", inputs.compared_categories),
    "category_metric": lambda _: _each("metric", CATEGORY_METRICS),
    "check": lambda inputs: _each(
        "check",
        (
            name
            for name, check in CHECKS.items()
            if inputs.train is not None and (inputs.has_categories or not check.of_categories)
        ),
    ),
    "texts": lambda _: _each("texts", ("eval", "probes")),
    "batch": lambda _: _each("batch", map(str, BATCHES)),
}
"""Parameter -> the fields of `Subject` that each of its values sets in a run."""
