"""Intervals of a measured model, and its changes since other scores."""

import dataclasses
import math

from harness.analyses import UNCERTAINTY
from harness.analyses.uncertainty import measure_uncertainty
from harness.metrics import METRICS


def measured(run, model, stored=None, *, turned=False):
    categories = () if stored is None else run.inputs.compared_categories
    evaluation = run.evaluation(model)
    if turned:
        evaluation = dataclasses.replace(evaluation, scores=tuple(-score for score in evaluation.scores))
    return measure_uncertainty(evaluation=evaluation, pairs=run.inputs.eval, stored=stored, categories=categories)


def test_every_value_lies_in_its_interval(tiny_run):
    found = measured(tiny_run, "lora")
    assert list(METRICS) == list(found.intervals)
    for name, interval in found.intervals.items():
        value = tiny_run.evaluation("lora").metrics[name].value
        assert math.isnan(interval.low) or interval.low <= value <= interval.high
    assert not math.isnan(found.intervals["spearman"].low)
    assert ({}, (), ()) == (found.changes, found.regressed, found.fixed)


def test_a_model_did_not_change_since_itself(tiny_run):
    found = measured(tiny_run, "lora", tiny_run.evaluation("lora").scores)
    assert {category: set(metrics) for category, metrics in found.changes.items()} == {
        "": set(METRICS),
        "animals": {"auc_roc", "margin"},
        "other": {"auc_roc", "margin"},
    }
    known = [change for metrics in found.changes.values() for change in metrics.values() if not change.reason]
    assert {(0.0, 0.0, 0.0)} == {(change.change, change.low, change.high) for change in known}
    assert ((), ()) == (found.regressed, found.fixed)


def test_the_wrong_way_round_is_a_change_with_pairs_to_show_for_it(tiny_run):
    found = measured(tiny_run, "lora", tiny_run.evaluation("lora").scores, turned=True)
    change = found.changes[""]["spearman"]
    assert change.high < 0
    assert change.p_value < 0.05
    rows = {pair.row for pair in found.regressed}
    assert rows
    assert rows <= set(range(len(tiny_run.inputs.eval)))


def test_what_regressed_from_one_model_to_another_is_fixed_the_other_way_round(tiny_run):
    scores = {model: tiny_run.evaluation(model).scores for model in ("base", "standard")}
    there, back = (
        measured(tiny_run, model, scores[stored]) for model, stored in (("base", "standard"), ("standard", "base"))
    )
    assert there.regressed
    assert [pair.row for pair in there.regressed] == list(back.fixed)
    assert [pair.row for pair in back.regressed] == list(there.fixed)
    codec = UNCERTAINTY.codec
    assert repr(there) == repr(codec.validate_json(codec.dump_json(there)))  # NaN is not equal to itself


def test_a_shift_of_all_scores_regresses_no_pair(tiny_run):
    shifted = tuple(score - 0.25 for score in tiny_run.evaluation("lora").scores)
    found = measured(tiny_run, "lora", shifted)
    assert ((), ()) == (found.regressed, found.fixed)
