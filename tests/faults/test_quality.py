"""Adapters on the real model: good ones that the gate lets through, and ones that learned the wrong thing.

Each is trained here, with the shipped recipe but for one thing, so this takes minutes: only `-m quality` runs it.
"""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest

from harness.baselines import baseline_path, comparable, read_baseline
from harness.config import read_case
from harness.data import read_pairs
from harness.execution import Context, LocalExecutor, Store, TerminalProgress
from harness.gates import Skipped, Verdict
from harness.models.record import ARRAYS, RECORD
from harness.run import CaseRun, prepare
from harness.verification import find_candidate

from .collection import QUALITY
from .gating import verdicts_of, with_outcome
from .tools import OF_THE_STORE

Gated = Callable[..., list[Verdict | Skipped]]

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
def dating(pytestconfig, repository, dating_case_path):
    """The shipped case with its baseline, in the repository's own store: what is trained there is found again."""
    store = Store(repository / ".harness" / "store")
    inputs = prepare(read_case(dating_case_path))
    stored = comparable(read_baseline(baseline_path(repository / "baselines", inputs.case)), inputs.origin)
    return CaseRun(Context(store, LocalExecutor(store.root), TerminalProgress(pytestconfig)), inputs, stored)


@pytest.fixture
def gated(dating, tmp_path):
    """Trains an adapter with changes to the recipe or on other pairs, and gates a copy of it."""

    def verdicts(*, pairs=(), record=True, **changes):
        inputs = dating.inputs
        if pairs:
            path = tmp_path / "train.jsonl"
            path.write_text("".join(json.dumps(asdict(pair)) + "\n" for pair in pairs), encoding="utf-8")
            inputs = replace(inputs, train=read_pairs(path))
        trained = CaseRun(dating.ctx, inputs, dating.stored).training("lora", **changes)
        assert trained is not None
        directory = tmp_path / "candidate"
        shutil.copytree(trained.verified, directory, ignore=OF_THE_STORE)
        if not record:
            for name in (RECORD, ARRAYS):
                (directory / name).unlink()
        candidate = find_candidate(inputs.case, "lora", directory)
        return list(
            verdicts_of(CaseRun(dating.ctx, replace(dating.inputs, candidate=candidate, extra={}), dating.stored))
        )

    return verdicts


@pytest.mark.parametrize("name", GOOD)
def test_a_good_adapter_passes(gated, name):
    verdicts = gated(**GOOD[name])
    assert len(with_outcome(verdicts, "pass")) == len(verdicts)


def test_half_the_rank_is_weaker_in_a_category_and_nowhere_else(gated):
    # As measured when the rule was set: dealbreakers margin 0.471, stored 0.599, tolerance 0.118; all else holds. It
    # was meant to be a good adapter. The pairs prove that it is worse there, so neither it nor the tolerance was moved.
    failed = with_outcome(gated(seed=46, lora={"rank": 4, "alpha": 8}), "fail")
    assert [] == [verdict.text for verdict in failed if verdict.gate != "category"]


@pytest.mark.parametrize(("part", "words"), [(0.1, "10 %"), (0.5, "half")], ids=["tenth", "half"])
def test_labels_flipped(dating, gated, faults_table, part, words):
    pairs = dating.inputs.train.pairs
    flipped = set(random.Random(SEED).sample(range(len(pairs)), round(part * len(pairs))))
    bad = [replace(pair, label=1 - pair.label) if row in flipped else pair for row, pair in enumerate(pairs)]
    verdicts = gated(pairs=bad)
    caught(f"training: the labels of {words} of the pairs flipped", verdicts, faults_table)
    # Other pairs than the case's, and there is a record that says so.
    assert "training_data" in {verdict.gate for verdict in with_outcome(verdicts, "inconclusive")}


def test_one_epoch(gated, faults_table):
    # The same share of warm-up steps.
    caught("training: one epoch instead of four", gated(epochs=1, warmup_steps=25), faults_table)


def test_trained_on_the_evaluation_pairs(dating, gated, faults_table):
    both = [*dating.inputs.train.pairs, *dating.inputs.eval.pairs]
    caught("training: on the evaluation pairs", gated(pairs=both), faults_table)


def test_trained_on_the_evaluation_pairs_and_nothing_says_so(dating, gated, faults_table):
    both = [*dating.inputs.train.pairs, *dating.inputs.eval.pairs]
    verdicts = gated(pairs=both, record=False)
    assert [] == [verdict.text for verdict in with_outcome(verdicts, "fail")]
    caught("training: on the evaluation pairs, nothing recorded", verdicts, faults_table, "inconclusive")


def caught(fault, verdicts, table, outcome="fail"):
    found = [verdict for verdict in with_outcome(verdicts, outcome) if verdict.gate == QUALITY[fault]]
    assert found, "the gate let it through"
    table.add(fault, found[0].gate, found[0].text)
