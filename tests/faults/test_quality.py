"""Adapters on the real model: good ones that the gate lets through, and ones that learned the wrong thing.

Each is trained here, with the shipped recipe but for one thing, so this takes minutes: only `-m quality` runs it.
"""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.baselines.model import baseline_path, read_baseline
from harness.config.case import read_case
from harness.data.pairs import read_pairs
from harness.execution.context import Workplace
from harness.execution.progress import TerminalProgress
from harness.execution.store import Store
from harness.run.case_run import CaseRun, train_model
from harness.run.inputs import prepare
from harness.verification import find_candidate

from .collection import QUALITY
from .tools import drop_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.data.pairs import Pair
    from harness.gates import Verdict
    from harness.run.inputs import Inputs

    from .conftest import FaultsTable

pytestmark = pytest.mark.quality

SEED = 0  # of the labels that are flipped

GOOD: dict[str, dict[str, Any]] = {
    "another seed": {"seed": 50},  # none of those that the tolerances are from
    "yet another seed": {"seed": 51},
    "rank 16": {"seed": 47, "lora": {"rank": 16, "alpha": 32}},
    "rsLoRA": {"seed": 48, "lora": {"rank": 16, "alpha": 8, "use_rslora": True}},
}
"""What differs from the recipe. Each update is scaled by 2, as the recipe's: alpha / rank or alpha / sqrt(rank)."""


@pytest.fixture(scope="module")
def dating(pytestconfig: pytest.Config, repository: Path, dating_case_path: Path) -> CaseRun:
    """The shipped case with its baseline, in the repository's own store: what is trained there is found again."""
    case = read_case(dating_case_path)
    work = Workplace(Store(repository / ".harness" / "store"), TerminalProgress(pytestconfig))
    return CaseRun(work, prepare(case), read_baseline(baseline_path(repository / "baselines", case)))


@pytest.fixture
def gate(dating: CaseRun, tmp_path: Path, verdicts_of: Any) -> Callable[..., Iterator[Verdict]]:
    """Trains an adapter and gates a copy of it."""

    def verdicts(inputs: Inputs, *, change: Callable[[Path], None] = lambda _: None) -> Iterator[Verdict]:
        directory = tmp_path / "candidate"
        trained = train_model(dating.work, inputs, "lora").path
        shutil.copytree(trained, directory, ignore=shutil.ignore_patterns("manifest.json"))
        change(directory)
        candidate = find_candidate(dating.case, "lora", directory)
        return verdicts_of(CaseRun(dating.work, replace(dating.inputs, candidate=candidate, more={}), dating.baseline))

    return verdicts


def with_recipe(inputs: Inputs, **changes: Any) -> Inputs:
    """The case with another recipe for its adapter."""
    recipe = inputs.case.models["lora"]
    assert recipe.lora is not None
    lora = recipe.lora.model_copy(update=changes.pop("lora", {}))
    models = {**inputs.case.models, "lora": recipe.model_copy(update={**changes, "lora": lora})}
    return replace(inputs, case=inputs.case.model_copy(update={"models": models}))


def with_pairs(inputs: Inputs, pairs: list[Pair], path: Path) -> Inputs:
    """The case with other training pairs."""
    path.write_text("".join(json.dumps(asdict(pair)) + "\n" for pair in pairs), encoding="utf-8")
    return replace(inputs, train=read_pairs(path))


@pytest.mark.parametrize("name", GOOD)
def test_a_good_adapter_passes(dating: CaseRun, gate: Callable[..., Iterator[Verdict]], name: str) -> None:
    verdicts = list(gate(with_recipe(dating.inputs, **GOOD[name])))
    assert [] == [verdict.message for verdict in verdicts if verdict.verdict != "pass"]


def test_half_the_rank_is_weaker_in_a_category_and_nowhere_else(
    dating: CaseRun, gate: Callable[..., Iterator[Verdict]]
) -> None:
    # As measured when the rule was set: dealbreakers margin 0.471, stored 0.599, tolerance 0.118; all else holds. It
    # was meant to be a good adapter. The pairs prove that it is worse there, so neither it nor the tolerance was moved.
    verdicts = list(gate(with_recipe(dating.inputs, seed=46, lora={"rank": 4, "alpha": 8})))
    failed = [verdict for verdict in verdicts if verdict.verdict == "fail"]
    assert [] == [verdict.message for verdict in failed if (verdict.name, "/" in verdict.metric) != ("baseline", True)]


@pytest.mark.parametrize(("share", "words"), [(0.1, "10 %"), (0.5, "half")], ids=["tenth", "half"])
def test_labels_flipped(
    dating: CaseRun,
    gate: Callable[..., Iterator[Verdict]],
    tmp_path: Path,
    faults_table: FaultsTable,
    share: float,
    words: str,
) -> None:
    pairs = dating.inputs.train.pairs
    flipped = set(random.Random(SEED).sample(range(len(pairs)), round(share * len(pairs))))
    bad = [replace(pair, label=1 - pair.label) if row in flipped else pair for row, pair in enumerate(pairs)]
    verdicts = list(gate(with_pairs(dating.inputs, bad, tmp_path / "train.jsonl")))
    expect(f"training: the labels of {words} of the pairs flipped", first_failure(verdicts), faults_table)
    assert "inconclusive" == outcome(
        verdicts, "data"
    )  # other pairs than the case's, and there is a record that says so


def test_one_epoch(dating: CaseRun, gate: Callable[..., Iterator[Verdict]], faults_table: FaultsTable) -> None:
    # The same share of warm-up steps.
    verdicts = list(gate(with_recipe(dating.inputs, epochs=1, warmup_steps=25)))
    expect("training: one epoch instead of four", first_failure(verdicts), faults_table)


def test_trained_on_the_evaluation_pairs(
    dating: CaseRun, gate: Callable[..., Iterator[Verdict]], tmp_path: Path, faults_table: FaultsTable
) -> None:
    both = [*dating.inputs.train.pairs, *dating.inputs.eval.pairs]
    verdicts = list(gate(with_pairs(dating.inputs, both, tmp_path / "train.jsonl")))
    expect("training: on the evaluation pairs", first_failure(verdicts), faults_table)


def test_trained_on_the_evaluation_pairs_and_nothing_says_so(
    dating: CaseRun, gate: Callable[..., Iterator[Verdict]], tmp_path: Path, faults_table: FaultsTable
) -> None:
    both = [*dating.inputs.train.pairs, *dating.inputs.eval.pairs]
    verdicts = list(gate(with_pairs(dating.inputs, both, tmp_path / "train.jsonl"), change=drop_record))
    assert [] == [verdict.message for verdict in verdicts if verdict.verdict == "fail"]
    [data] = [verdict for verdict in verdicts if verdict.name == "data"]
    assert "inconclusive" == data.verdict
    expect("training: on the evaluation pairs, nothing recorded", data, faults_table)


def expect(fault: str, caught: Verdict, table: FaultsTable) -> None:
    assert QUALITY[fault] == caught.name, caught.message
    table.add(fault, caught.name, caught.message)


def first_failure(verdicts: list[Verdict]) -> Verdict:
    failed = [verdict for verdict in verdicts if verdict.verdict == "fail"]
    assert failed, "the gate let it through"
    return failed[0]


def outcome(verdicts: list[Verdict], name: str) -> str:
    [found] = [verdict.verdict for verdict in verdicts if verdict.name == name]
    return found
