"""The verdicts held against what happens: trainings that are as good, and models that forgot a known amount.

Every model of the shipped cases is trained with seeds that no tolerance comes from, which takes an hour: only
`-m retraining` runs it, and `make verdicts` writes docs/verdicts.md with it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from scipy.stats import binomtest

from harness.baselines.model import CATEGORY_METRICS, baseline_path, read_baseline
from harness.config.case import read_case
from harness.analyses.evaluation import evaluate
from harness.run.inputs import prepare
from harness.metrics import METRICS
from harness.run.case_run import CaseRun, checkpoint, measure_power, run_model, train_model
from harness.execution.progress import TerminalProgress
from harness.run.promises import category_holds, hard_verdicts, metric_holds
from harness.execution.store import Store, digest_of
from harness.execution.context import Workplace

from .forgetting import forget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.gates import Verdict
    from harness.run.case_run import ModelRun

    from .conftest import VerdictsTable

pytestmark = pytest.mark.retraining

SEEDS = {"dating": range(50, 60), "tickets": range(50, 55)}
"""Case -> the seeds of its retrainings. A model of the tickets takes three times as long to train."""

SHARES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""How much of what it was taught a model forgets."""

EACH = [(case, seed) for case, seeds in SEEDS.items() for seed in seeds]

FORGETFUL = [(case, seed) for case, seed in EACH if (case, seed) < ("tickets", 52)]
"""Those that are made to forget: encoding the tickets a dozen times takes minutes for each model."""


@pytest.fixture(scope="module")
def retrained(pytestconfig: pytest.Config, repository: Path) -> Callable[[str, int], CaseRun]:
    """A shipped case with its baseline, and all its models trained with another seed, in the repository's own store."""
    work = Workplace(Store(repository / ".harness" / "store"), TerminalProgress(pytestconfig))

    def run(name: str, seed: int) -> CaseRun:
        case = read_case(repository / "fixtures" / name / "case.toml")
        inputs = prepare(case)
        models = {model: run_model(work, inputs, model, seed=seed) for model in case.models}
        return CaseRun(work, inputs, read_baseline(baseline_path(repository / "baselines", case)), models)

    return run


@pytest.mark.parametrize("case", SEEDS)
def test_trainings_that_are_as_good_fail_no_more_often_than_the_rule_allows(
    retrained: Callable[[str, int], CaseRun], case: str, verdicts_table: VerdictsTable
) -> None:
    alarms, trainings, allowed = [], 0, math.nan
    for seed in SEEDS[case]:
        run = retrained(case, seed)
        allowed = 1 - run.case.tolerance.confidence
        assert [] == [verdict.message for verdict in hard_verdicts(run) if verdict.verdict == "fail"]
        for model in run.case.models:
            verdicts = [judged(run, model, name) for name in comparisons(run)]
            failed = [f"seed {seed}: {verdict.message}" for verdict in verdicts if verdict.verdict == "fail"]
            verdicts_table.retrained(case, model, [verdict.verdict for verdict in verdicts], failed)
            trainings += 1
            alarms += [failed] if failed else []
    assert binomtest(len(alarms), trainings, allowed, alternative="greater").pvalue > 0.01, alarms


@pytest.mark.parametrize("model", ["standard", "lora"])
@pytest.mark.parametrize(("case", "seed"), FORGETFUL)
def test_twice_the_drop_that_the_gate_sees_never_passes(
    retrained: Callable[[str, int], CaseRun], case: str, seed: int, model: str, verdicts_table: VerdictsTable
) -> None:
    run = retrained(case, seed)
    assert run.baseline is not None
    stored = run.baseline.models[model].compared
    seen = measure_power(run.work, run.inputs, run.baseline)[model].drops
    as_trained, *forgetful = [replace(run, _done={model: found}) for found in forgetting(run, model, seed)]
    missed = []
    for name in comparisons(run):
        level = stored[name].lost(judged(as_trained, model, name).observed)
        planted = (
            (stored[name].lost(verdict.observed) - level, verdict)
            for verdict in (judged(worse, model, name) for worse in forgetful)
        )
        # Never where the gate says that it sees no drop, or where a model that forgot everything lost less.
        drop, caught = next(((d, v) for d, v in planted if d >= 2 * seen[name]), (None, None))
        verdicts_table.planted(case, model, name, seen[name], drop, caught)
        if caught is not None and caught.verdict == "pass":  # the table tells failures from warnings
            missed.append(caught.message)
    assert [] == missed


def comparisons(run: CaseRun) -> list[str]:
    """What is compared of each model: `metric` or `category/metric`."""
    categories = run.inputs.compared_categories
    return [*METRICS, *(f"{category}/{metric}" for category in categories for metric in CATEGORY_METRICS)]


def judged(run: CaseRun, model: str, comparison: str) -> Verdict:
    """The verdict on one comparison, as `evals/test_metrics.py` has it."""
    category, _, metric = comparison.rpartition("/")
    return category_holds(run, model, category, metric) if category else metric_holds(run, model, metric)


def forgetting(run: CaseRun, model: str, seed: int) -> list[ModelRun]:
    """The model as it was trained, and as it forgets step by step, each measured."""
    found, pairs = run.model(model), run.inputs.eval
    opened = checkpoint(run.inputs, model, train_model(run.work, run.inputs, model, seed=seed))
    return [
        replace(found, evaluation=evaluate(embeddings, pairs), embeddings=digest_of([found.embeddings, share]))
        for share, embeddings in forget(opened, pairs.texts, SHARES)
    ]
