"""Embeddings that are cut where they are served: a model trained for it passes the gate, one that is not fails."""

import pytest

from harness.baselines import comparable
from harness.config import read_case
from harness.errors import CheckpointError
from harness.gates import GATES, judge, subjects
from harness.metrics import METRICS, pair_scores
from harness.metrics.spearman import spearman
from harness.run import CaseRun, prepare

WIDTHS = [16, 8, 4]


@pytest.fixture(scope="module")
def run(tmp_path_factory, write_case, tiny_content, context_at):
    """The tiny case with its full model trained as it is and for these widths, both served at them."""
    root = tmp_path_factory.mktemp("truncation")
    content = tiny_content()
    recipe = content["models"]["standard"]
    content["models"] = {"plain": recipe, "nested": {**recipe, "matryoshka": [32, *WIDTHS]}}
    content["gates"] |= {
        "relative_performance": [],
        "memory_mb": {"encode": 4000, "train": {"plain": 4000, "nested": 4000}},
        "truncation": {"models": ["plain", "nested"], "widths": WIDTHS, "at_least": 0.55},
    }
    inputs = prepare(read_case(write_case(root / "tiny", content)))
    return CaseRun(context_at(root / "store"), inputs, comparable(None, inputs.origin))


def test_a_model_that_is_trained_for_it_keeps_its_quality_and_another_one_falls(run):
    verdicts = {
        str(subject): judge(run, GATES["truncation"], subject) for subject in subjects(GATES["truncation"], run.inputs)
    }
    assert [f"{model}-spearman-{width}" for model in ("plain", "nested") for width in WIDTHS] == list(verdicts)
    outcomes = {name: verdict.outcome for name, verdict in verdicts.items()}
    assert {"pass"} == {outcome for name, outcome in outcomes.items() if name.startswith("nested")}, verdicts
    assert "fail" == outcomes["plain-spearman-4"], verdicts["plain-spearman-4"].message
    assert verdicts["nested-spearman-4"].message.startswith("nested spearman at 4 of 32 dimensions 0.")


def test_the_values_are_those_of_the_first_dimensions_alone(run):
    vectors, pairs = run.embeddings("plain")["eval"], run.inputs.eval
    expected = spearman(pair_scores(vectors[:, :8], pairs.text_rows), pairs.labels).value
    found = run.truncated("plain", 8, "spearman")
    assert (expected, run.evaluation("plain").metrics["spearman"].value) == (found.model, found.reference)
    assert len(METRICS) == len(run.evaluation("plain", width=8).metrics)


def test_a_width_that_the_model_does_not_exceed_is_named(run):
    gate = run.inputs.case.gates.truncation.model_copy(update={"widths": [32]})
    gates = run.inputs.case.gates.model_copy(update={"truncation": gate})
    case = run.inputs.case.model_copy(update={"gates": gates})
    other = CaseRun(run.ctx, type(run.inputs)(**{**vars(run.inputs), "case": case}), run.stored)
    [subject, _] = subjects(GATES["truncation"], other.inputs)
    verdict = judge(other, GATES["truncation"], subject)
    assert "fail" == verdict.outcome
    assert "at 32 of 32 dimensions: expected fewer than the model has" in verdict.message


def test_more_dimensions_than_the_base_has_are_refused(train_tiny, tmp_path):
    with pytest.raises(CheckpointError, match=r"^matryoshka: got 64, expected at most the 32 dimensions of the base"):
        train_tiny("standard", tmp_path / "out", matryoshka=[64, 32])
