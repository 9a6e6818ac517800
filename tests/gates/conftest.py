"""Evidence made by hand: a run in which every gate passes, for a test to change."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest

from harness.baselines import CATEGORY_METRICS, Baseline, Origin, StoredModel, StoredValue, comparable
from harness.config import (
    ForgettingGate,
    Gates,
    LearningRateCheck,
    LoraSpec,
    MemoryGate,
    RankGate,
    RelativeGate,
    TruncationGate,
)
from harness.config import (
    Run as RunKind,
)
from harness.data import Pair
from harness.data.audit import CHECKS, Audit, Finding
from harness.execution import Cost
from harness.gates import BATCHES, GATES, Subject, judge
from harness.metrics import METRICS, Evaluation, GroupResult, MetricResult
from harness.models import TrainingRecord
from harness.statistics import BeforeAfter, Interval, RelativePerformance, RetrievalChange
from harness.training import EpochPoint
from harness.verification import Candidate, CheckResult, Verification

ORIGIN = Origin(eval_sha256="e" * 64, eval_pairs=0, base_name="MiniLM", base_digest="b" * 64)
VALUES = {"base": 0.1, "standard": 0.9, "lora": 0.8}
STRATEGIES = {"standard": "full", "lora": "lora"}
LORA = {"model": "lora"}
RELATIVE = {**LORA, "reference": "standard", "metric": "spearman"}
MARGIN = {**LORA, "metric": "margin"}
SUBJECTS = {
    "audit": {"check": "one_word"},
    "diverges": {**LORA, "texts": "eval"},
    "baseline": {},
    **dict.fromkeys(("relative_performance", "stalls", "learns"), RELATIVE),
    **dict.fromkeys(("beats_base", "metric"), MARGIN),
    "rank": {**LORA, "rank": "32", "metric": "cohens_d"},
    "strategies": {},
    "matryoshka": {"model": "standard", "reference": "lora", "width": "4", "metric": "spearman"},
    "truncation": {**LORA, "width": "4", "metric": "spearman"},
    "category": {**MARGIN, "category": "values"},
    "memory": {**LORA, "stage": "train"},
    "latency": {**LORA, "batch": "32"},
}
"""Gate -> what tests judge it for, where it is another subject than the model `lora`."""


def relative(gap):
    measured = {"model": 0.8, "reference": 0.842, "base": -0.2, "ratio": 0.95, "gap_recovered": gap}
    return RelativePerformance(**measured, **dict.fromkeys(("interval", "gap_interval"), Interval(0.9, 0.99, "")))


class Limits(dict):
    """The table `[audit]` of a case."""

    warn = ()


class Run:
    """Evidence of a good run; each attribute is what a gate may ask for."""

    # ruff: noqa: ARG005 - a protocol's arguments
    def __init__(self, candidate=""):
        gates = Gates(
            relative_performance=[RelativeGate(model="lora", reference="standard")],
            truncation=TruncationGate(models=["lora"], widths=[4, 2], plain={"standard": "lora"}),
            rank=RankGate(model="lora", ranks=[2, 8, 32]),
            forgetting=ForgettingGate(pairs="general"),
            memory_mb=MemoryGate(train={"standard": 1400, "lora": 1200}, encode=700),
        )
        trained = {candidate: STRATEGIES[candidate]} if candidate else STRATEGIES
        gated = Candidate(candidate, trained[candidate], Path("/candidate"), "0" * 64) if candidate else None
        self.inputs = SimpleNamespace(
            case=SimpleNamespace(
                gates=gates,
                audit=Limits.fromkeys(CHECKS, 0.1),
                learning_rate=LearningRateCheck(**RELATIVE, stalls_at_most=0.1, learns_at_least=0.5),
                checked_rates=(2e-5, 2e-4),
                model_names=tuple(VALUES),
                recipes={"standard": SimpleNamespace(lora=None), "lora": SimpleNamespace(lora=LoraSpec(rank=8))},
                runs=get_args(RunKind),
            ),
            train=SimpleNamespace(digest="a" * 64),
            eval=SimpleNamespace(
                pairs=[Pair("one", f"text {row}", 1, "values", "", "agree") for row in range(5)],
                fingerprints=np.array([3, 5, 7], np.uint64),
            ),
            dev=range(1000),
            retrieval=True,
            candidate=gated,
            candidates={candidate: gated} if candidate else {},
            models=("base", *trained),
            trained=trained,
            reranked=() if candidate else tuple(trained),
            adapters=tuple(name for name, strategy in trained.items() if strategy == "lora"),
            has_categories=True,
            compared_categories=("values",),
            origin=ORIGIN,
        )
        self.evaluations = {name: evaluation(value) for name, value in VALUES.items()}
        models = {name: stored_model(found) for name, found in self.evaluations.items()}
        self.baseline = Baseline(version=1, origin=ORIGIN, models=models, scores=[])
        self.changes = {}
        self.regressed_pairs = []
        self.relatives = {None: relative(0.9), 2e-5: relative(0.05), 2e-4: relative(0.7)}
        self.cut = self.ranked = self.general = replace(relative(0.9), ratio=0.97)
        accuracy = BeforeAfter(0.80, 0.84, Interval(0.01, 0.07))
        self.reranked = SimpleNamespace(accuracy=accuracy, rescored=200.0, fixed=(1, 2, 3), regressed=(4,))
        self.found = RetrievalChange(0.2, Interval(0.1, 0.3), (3,), (1, 2, 5))
        self.points = [EpochPoint(1, 0.5, 0.80), EpochPoint(2, 0.3, 0.86), EpochPoint(3, 0.1, 0.85)]
        self.arrays = {
            **{name: {"eval": self.rows(0), "probes": self.rows(1)} for name in ("base", "standard")},
            "lora": {"eval": self.rows(2), "probes": self.rows(3), "unmerged_probes": self.rows(3)},
        }
        self.peak_mb = 500.0
        self.findings = dict.fromkeys(CHECKS, Finding(0.05, "1 of 20 pairs", ("eval.jsonl:3",)))
        self.seconds = {batch: ([1.0, 1.01, 0.99], [1.0, 1.0, 1.0]) for batch in BATCHES}
        self.verified = Verification(
            checks=dict.fromkeys(("files", "base", "complete", "exact_merge"), CheckResult("pass", "as it should be")),
            settings={path: {"length": 48} for path in ("peft", "merged")},
            embeddings=dict.fromkeys(("peft", "merged"), (self.rows(3), self.rows(3))),
            record=TrainingRecord("MiniLM", "b" * 64, "a" * 64, np.array([1, 2], np.uint64), self.rows(3)),
        )

        # What a gate asks for: looked up when it does, so that a test can change it before.
        self.evaluation = lambda model, learning_rate=None, width=None: self.evaluations[model]
        self.change = lambda model, metric, category="": self.changes.get((model, metric, category))
        self.regressed = lambda model, category="": self.regressed_pairs
        self.relative_performance = lambda model, reference, metric, learning_rate=None: self.relatives[learning_rate]
        self.truncated = lambda model, width, metric: self.cut
        self.at_rank = lambda model, rank, metric: self.ranked
        self.kept = lambda model, pairs, metric: self.general
        self.retrieval_change = lambda model, metric: self.found
        self.rerank = lambda model: self.reranked
        self.curve = lambda model: self.points
        self.embeddings = lambda model: self.arrays[model]
        self.cost = lambda model, stage: Cost(1.0, self.peak_mb)
        self.audit = lambda: Audit(self.findings, ())
        self.verification = lambda model: self.verified
        self.latency = lambda model: self.seconds

    @property
    def stored(self):
        return comparable(self.baseline, self.inputs.origin)

    @staticmethod
    def rows(seed):
        return np.random.default_rng(seed).normal(size=(12, 8)).astype(np.float32)

    def measure(self, model, metric, value, reason=""):
        """Change a measured value, over all pairs and in each category."""
        found = self.evaluations[model]
        metrics, group = {**found.metrics, metric: MetricResult(value, reason)}, found.categories["values"]
        group = replace(group, metrics={**group.metrics, metric: value}, reason=reason)
        self.evaluations[model] = replace(found, metrics=metrics, categories={"values": group})
        return self

    def verify(self, **changed):
        """Change what the verification of the candidate found; a check by `name=(outcome, message)`."""
        checks = {name: CheckResult(*changed.pop(name)) for name in list(changed) if name in self.verified.checks}
        self.verified = replace(self.verified, checks={**self.verified.checks, **checks}, **changed)
        return self

    def relate(self, rate=None, **changed):
        """Change what the model reaches of the reference, at a learning rate."""
        self.relatives[rate] = replace(self.relatives[rate], **changed)
        return self

    def store(self, model, metric, **changed):
        """Change a stored value."""
        values = self.baseline.models[model].metrics
        values[metric] = values[metric].model_copy(update=changed)
        return self


def evaluation(value):
    group = GroupResult(20, 10, 10, 0.7, 0.2, dict.fromkeys(CATEGORY_METRICS, value))
    return Evaluation({name: MetricResult(value) for name in METRICS}, {"values": group}, {}, ())


def stored_model(found):
    how = {name: {"tolerance": 0.02, "direction": METRICS[name].direction} for name in METRICS}
    seeds = {name: {"1": result.value, "2": result.value - 0.01} for name, result in found.metrics.items()}
    metrics = {
        name: StoredValue(value=result.value, seeds=seeds[name], **how[name]) for name, result in found.metrics.items()
    }
    categories = {"values": {name: metrics[name] for name in CATEGORY_METRICS}}
    return StoredModel(metrics=metrics, categories=categories, settings={"length": 48}, provenance={})


@pytest.fixture(scope="session")
def make_run():
    return Run


@pytest.fixture(scope="session")
def verdict_of():
    """The verdict of a gate on the subject of `SUBJECTS`, or on another one."""

    def judged(run, gate, **subject):
        return judge(run, GATES[gate], Subject(**{**SUBJECTS.get(gate, LORA), **subject}))

    return judged
