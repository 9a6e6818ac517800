"""The verdicts held against what happens: trainings that are as good, and models that forgot a known amount.

Every model of the shipped cases is trained with seeds that no tolerance comes from, which takes an hour: only
`-m retraining` runs it, and `make verdicts` writes docs/verdicts.md with it.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from scipy.stats import binomtest

from harness.analyses import POWER
from harness.analyses.evaluation import evaluate_pairs
from harness.baselines import baseline_path, comparable, read_baseline
from harness.config import read_case
from harness.execution import Context, LocalExecutor, Store, TerminalProgress
from harness.gates import GATES, judge, subjects
from harness.run import CaseRun, prepare

from .forgetting import ForgetfulRun, forget

Retrained = Callable[[str, int], CaseRun]

pytestmark = pytest.mark.retraining

SEEDS = {"dating": range(50, 60), "tickets": range(50, 55)}
"""Case -> the seeds of its retrainings. A model of the tickets takes three times as long to train."""

SHARES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""How much of what it was taught a model forgets."""

FORGETFUL = [(case, seed) for case, seeds in SEEDS.items() for seed in seeds if (case, seed) < ("tickets", 52)]
"""Those that are made to forget: encoding the tickets a dozen times takes minutes for each model."""


@pytest.fixture(scope="module")
def retrained(pytestconfig, repository):
    """A shipped case with its baseline, and all its models trained with another seed, in the repository's own store."""
    store = Store(repository / ".harness" / "store")
    ctx = Context(store, LocalExecutor(store.root), TerminalProgress(pytestconfig))

    def run(name, seed):
        case = read_case(repository / "fixtures" / name / "case.toml")
        models = {model: recipe.changed(seed=seed) for model, recipe in case.models.items()}
        inputs = replace(prepare(case.model_copy(update={"models": models})), extra={})
        stored = comparable(read_baseline(baseline_path(repository / "baselines", case)), inputs.origin)
        return CaseRun(ctx, inputs, stored)

    return run


@pytest.mark.parametrize("case", SEEDS)
def test_trainings_that_are_as_good_fail_no_more_often_than_the_rule_allows(retrained, case, verdicts_table):
    alarms, trainings, allowed = [], 0, math.nan
    for seed in SEEDS[case]:
        run = retrained(case, seed)
        allowed = 1 - run.inputs.case.tolerance.confidence
        for gate in GATES.values():
            hard = [judge(run, gate, subject) for subject in (subjects(gate, run.inputs) if gate.hard else ())]
            assert [] == [verdict.text for verdict in hard if verdict.outcome == "fail"]
        for model in run.inputs.trained:
            verdicts = [judge(run, *each) for each in compared(run, model)]
            verdicts_table.retrained(case, model, seed, verdicts)
            trainings += 1
            failed = [verdict.text for verdict in verdicts if verdict.outcome == "fail"]
            alarms += [failed] if failed else []
    assert binomtest(len(alarms), trainings, allowed, alternative="greater").pvalue > 0.01, alarms


@pytest.mark.parametrize("model", ["standard", "lora"])
@pytest.mark.parametrize(("case", "seed"), FORGETFUL)
def test_twice_the_drop_that_the_gate_sees_never_passes(retrained, case, seed, model, verdicts_table):
    run = retrained(case, seed)
    power = run.analysis(POWER, model)
    assert power is not None
    as_trained, *forgetful = forgetting(run, model)
    missed = []
    for gate, subject in compared(run, model):
        stored = run.stored.value(model, subject.metric, subject.category)
        assert stored is not None
        seen = power.drops[subject.category][subject.metric]
        level = stored.deterioration(judge(as_trained, gate, subject).observed)
        planted = (
            (stored.deterioration(verdict.observed) - level, verdict)
            for verdict in (judge(worse, gate, subject) for worse in forgetful)
        )
        # Never where the gate says that it sees no drop, or where a model that forgot everything lost less.
        drop, caught = next(((d, v) for d, v in planted if d >= 2 * seen), (None, None))
        value = "/".join(filter(None, (subject.category, subject.metric)))
        verdicts_table.planted(case, model, value, seen, drop, caught)
        if caught is not None and caught.outcome == "pass":  # the table tells failures from warnings
            missed.append(caught.text)
    assert [] == missed


def compared(run, model):
    """Return what of a model is compared with the stored values."""
    gates = (GATES["metric"], GATES["category"])
    return [(gate, subject) for gate in gates for subject in subjects(gate, run.inputs) if subject.model == model]


def forgetting(run, model):
    """Return the model as it was trained, and as it forgets step by step, each measured."""
    pairs = run.inputs.eval
    each: Any = (SimpleNamespace(arrays={"eval": found}) for found in forget(run.source(model), pairs.texts, SHARES))
    measured = (evaluate_pairs(embeddings=embeddings, texts="eval", pairs=pairs) for embeddings in each)
    return [ForgetfulRun(run.ctx, run.inputs, run.stored, forgetful=model, measured=values) for values in measured]
