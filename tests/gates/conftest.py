"""Evidence made by hand: a run in which every gate passes, for a test to change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.baselines import CATEGORY_METRICS, Baseline, Origin, StoredModel, StoredValue, comparable
from harness.config import Gates, LearningRateCheck, MemoryGate, RelativeGate
from harness.data import Pair
from harness.data.audit import CHECKS, Audit, Finding
from harness.execution import Cost
from harness.gates import BATCHES, GATES, Subject, judge
from harness.metrics import METRICS, Evaluation, GroupResult, MetricResult
from harness.models import TrainingRecord
from harness.statistics import Interval, RelativePerformance
from harness.verification import Candidate, CheckResult, Verification

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.gates import Verdict

NAN = float("nan")
ORIGIN = Origin(eval_sha256="e" * 64, eval_pairs=0, base_name="MiniLM", base_digest="b" * 64)
VALUES = {"base": 0.1, "standard": 0.9, "lora": 0.8}
STRATEGIES = {"standard": "full", "lora": "lora"}


def rows(seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=(12, 8)).astype(np.float32)


def relative(ratio: float = 0.95, gap: float = 0.9, *, low: float = 0.9, high: float = 0.99) -> RelativePerformance:
    interval = Interval(low, high, "")
    return RelativePerformance(
        model=0.8, reference=0.842, base=-0.2, ratio=ratio, interval=interval, gap_recovered=gap, gap_interval=interval
    )


class Run:
    """Evidence of a good run; each attribute is what a gate may ask for."""

    # ruff: noqa: ARG002 - a protocol's arguments

    def __init__(self, candidate: str = "") -> None:
        gates = Gates(
            relative_performance=[RelativeGate(model="lora", reference="standard")],
            memory_mb=MemoryGate(train={"standard": 1400, "lora": 1200}, encode=700),
        )
        trained = {candidate: STRATEGIES[candidate]} if candidate else STRATEGIES
        self.inputs: Any = SimpleNamespace(
            case=SimpleNamespace(
                gates=gates,
                audit=dict.fromkeys(CHECKS, 0.1),
                learning_rate=LearningRateCheck(
                    model="lora", reference="standard", stalls_at_most=0.1, learns_at_least=0.5
                ),
                checked_rates=(2e-5, 2e-4),
                model_names=tuple(VALUES),
            ),
            train=SimpleNamespace(digest="a" * 64),
            eval=SimpleNamespace(
                pairs=[Pair("one", f"text {row}", 1, "values", "", "agree") for row in range(5)],
                fingerprints=np.array([3, 5, 7], np.uint64),
            ),
            candidate=Candidate(candidate, trained[candidate], Path("/candidate"), "0" * 64) if candidate else None,
            models=("base", *trained),
            trained=trained,
            adapters=tuple(name for name, strategy in trained.items() if strategy == "lora"),
            compared_categories=("values",),
            origin=ORIGIN,
        )
        self.evaluations = {name: evaluation(value) for name, value in VALUES.items()}
        self.baseline: Baseline | None = Baseline(
            version=1,
            origin=ORIGIN,
            models={name: stored_model(found) for name, found in self.evaluations.items()},
            scores=[],
        )
        self.changes: dict[tuple[str, ...], Any] = {}
        self.regressed_pairs: list[Any] = []
        self.relatives = {None: relative(), 2e-5: relative(gap=0.05), 2e-4: relative(gap=0.7)}
        self.arrays = {
            "base": {"eval": rows(0), "probes": rows(1)},
            "lora": {"eval": rows(2), "probes": rows(3), "unmerged_probes": rows(3)},
        }
        self.peak_mb: float | None = 500.0
        self.findings = dict.fromkeys(CHECKS, Finding(0.05, "1 of 20 pairs", ("eval.jsonl:3",)))
        self.seconds = {batch: ([1.0, 1.01, 0.99], [1.0, 1.0, 1.0]) for batch in BATCHES}
        passed = CheckResult("pass", "as it should be")
        self.verified = Verification(
            checks=dict.fromkeys(("files", "base", "complete", "exact_merge"), passed),
            settings={path: {"length": 48} for path in ("peft", "merged")},
            embeddings=dict.fromkeys(("peft", "merged"), (rows(3), rows(3))),
            record=TrainingRecord("MiniLM", "b" * 64, "a" * 64, np.array([1, 2], np.uint64), rows(3)),
        )

    @property
    def stored(self) -> Any:
        return comparable(self.baseline, self.inputs.origin)

    def evaluation(self, model: str, *, learning_rate: float | None = None) -> Evaluation:
        return self.evaluations[model]

    def measure(self, model: str, metric: str, value: float, reason: str = "") -> Run:
        """Change a measured value, over all pairs and in each category."""
        found = self.evaluations[model]
        metrics = {**found.metrics, metric: MetricResult(value, reason)}
        groups = {
            name: replace(group, metrics={**group.metrics, metric: value}, reason=reason)
            for name, group in found.categories.items()
        }
        self.evaluations[model] = replace(found, metrics=metrics, categories=groups)
        return self

    def verify(self, **changed: Any) -> Run:
        """Change what the verification of the candidate found; a check by `name=(outcome, message)`."""
        checks = {name: CheckResult(*changed.pop(name)) for name in list(changed) if name in self.verified.checks}
        self.verified = replace(self.verified, checks={**self.verified.checks, **checks}, **changed)
        return self

    def change(self, model: str, metric: str, category: str = "") -> Any:
        return self.changes.get((model, metric, category))

    def regressed(self, model: str, category: str = "") -> Any:
        return self.regressed_pairs

    def relative_performance(self, model: str, reference: str, metric: str, *, learning_rate: Any = None) -> Any:
        return self.relatives[learning_rate]

    def embeddings(self, model: str) -> Any:
        return self.arrays[model]

    def cost(self, model: str, stage: str) -> Cost:
        return Cost(1.0, self.peak_mb)

    def audit(self) -> Audit:
        return Audit(self.findings, ())

    def verification(self) -> Verification:
        return self.verified

    def latency(self, model: str) -> Any:
        return self.seconds


def evaluation(value: float) -> Evaluation:
    group = GroupResult(20, 10, 10, 0.7, 0.2, dict.fromkeys(CATEGORY_METRICS, value))
    return Evaluation({name: MetricResult(value) for name in METRICS}, {"values": group}, {}, ())


def stored_model(found: Evaluation) -> StoredModel:
    def stored(metric: str, value: float) -> StoredValue:
        return StoredValue(value=value, tolerance=0.02, direction=METRICS[metric].direction, seeds={})

    return StoredModel(
        metrics={name: stored(name, result.value) for name, result in found.metrics.items()},
        categories={
            name: {metric: stored(metric, value) for metric, value in group.metrics.items()}
            for name, group in found.categories.items()
        },
        settings={"length": 48},
        provenance={},
    )


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Run]:
    return Run


@pytest.fixture(scope="session")
def make_rows() -> Callable[[int], Any]:
    return rows


@pytest.fixture(scope="session")
def verdict_of() -> Callable[..., Verdict]:
    return lambda run, gate, **subject: judge(run, GATES[gate], Subject(**subject))
