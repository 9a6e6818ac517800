"""How sure the values of a measured model are, and what is kept of it."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.metrics import METRICS
from harness.uncertainty import from_json, measure, to_json

if TYPE_CHECKING:
    from harness.pipeline import CaseRun


def measured(run: CaseRun, model: str, stored: Any = None) -> Any:
    categories = () if stored is None else run.inputs.compared_categories
    return measure(run.model(model).evaluation, run.inputs.eval, stored, categories)


def test_every_value_lies_in_its_interval(tiny_run: CaseRun) -> None:
    found = measured(tiny_run, "lora")
    assert list(METRICS) == list(found.intervals)
    for name, interval in found.intervals.items():
        value = tiny_run.model("lora").evaluation.metrics[name].value
        assert math.isnan(interval.low) or interval.low <= value <= interval.high
    assert not math.isnan(found.intervals["spearman"].low)
    assert ({}, (), ()) == (found.changes, found.lost, found.gained)


def test_a_model_did_not_change_since_itself(tiny_run: CaseRun) -> None:
    scores = np.array(tiny_run.model("lora").evaluation.scores)
    found = measured(tiny_run, "lora", scores)
    assert {*METRICS, *(f"{c}/{m}" for c in ("animals", "other") for m in ("auc_roc", "margin"))} == set(found.changes)
    known = [change for change in found.changes.values() if not change.reason]
    assert known
    assert {(0.0, 0.0, 0.0)} == {(change.change, change.low, change.high) for change in known}
    assert ((), ()) == (found.lost, found.gained)


def test_the_wrong_way_round_is_a_change_with_pairs_to_show_for_it(tiny_run: CaseRun) -> None:
    evaluation = tiny_run.model("lora").evaluation
    scores = np.array(evaluation.scores)
    found = measure(dataclasses.replace(evaluation, scores=tuple(-scores)), tiny_run.inputs.eval, scores, ())
    change = found.changes["spearman"]
    assert change.high < 0
    assert change.p_value < 0.05
    rows = {flip.row for flip in found.lost}
    assert rows
    assert rows <= set(range(len(tiny_run.inputs.eval)))


def test_a_shift_of_all_scores_flips_no_pair(tiny_run: CaseRun) -> None:
    found = measured(tiny_run, "lora", np.array(tiny_run.model("lora").evaluation.scores) - 0.25)
    assert ((), ()) == (found.lost, found.gained)


def test_what_one_model_lost_the_other_gained(tiny_run: CaseRun) -> None:
    scores = {model: np.array(tiny_run.model(model).evaluation.scores) for model in ("base", "standard")}
    there, back = (
        measured(tiny_run, model, scores[stored]) for model, stored in (("base", "standard"), ("standard", "base"))
    )
    assert there.lost
    assert [flip.row for flip in there.lost] == list(back.gained)
    assert [flip.row for flip in back.lost] == list(there.gained)


def test_it_comes_back_from_json_as_it_was(tiny_run: CaseRun) -> None:
    scores = np.array(tiny_run.model("base").evaluation.scores)
    found = measured(tiny_run, "standard", scores)
    assert found.gained
    content = json.loads(json.dumps(to_json(found), allow_nan=False))
    assert to_json(from_json(content)) == content
    assert found.lost == from_json(content).lost
    assert found.gained == from_json(content).gained
    assert found.intervals["spearman"] == from_json(content).intervals["spearman"]
