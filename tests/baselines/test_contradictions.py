"""What was edited in a stored baseline so that its gates let everything pass is named; what a run stored is not."""

import re

import pytest

from harness.baselines import Baseline, cannot_fail, comparable, contradictions, read_baseline
from harness.config import read_case


@pytest.fixture(scope="module")
def dating(repository):
    case = read_case(repository / "fixtures" / "dating")
    return case, case.read_pairs("eval"), read_baseline(repository / "baselines" / "dating" / "baseline.json")


@pytest.fixture
def edited(dating):
    """Returns what is found in the stored baseline after an edit of its content."""

    def found(edit):
        case, pairs, baseline = dating
        content = baseline.model_dump(mode="json")
        edit(content["models"])
        return list(contradictions(Baseline(**content), case, pairs))

    return found


@pytest.mark.parametrize("name", ["dating", "tickets"])
def test_what_a_run_stored_does_not_contradict_itself_and_can_fail(repository, name):
    case = read_case(repository / "fixtures" / name)
    pairs, baseline = case.read_pairs("eval"), read_baseline(repository / "baselines" / name / "baseline.json")
    assert [] == list(contradictions(baseline, case, pairs))
    assert [] == [one for model in baseline.models.values() for one in cannot_fail(model, pairs)]
    assert [] == list(contradictions(None, case, pairs))


SPEARMAN = ("lora", "metrics", "spearman")
AUC = ("lora", "categories", "values", "auc_roc")
EDITS = {
    "a worse value": (SPEARMAN, {"value": -0.9, "seeds": {}}, "lora spearman: the stored value is -0.900, its stored"),
    "of a category": (AUC, {"value": 0.5}, "lora values auc_roc: the stored value is 0.500, that of its own seed"),
    "of another seed": (("lora", "metrics", "cluster_purity"), {"value": 0.5}, "lora cluster_purity: .* its own seed"),
    "a wide tolerance": (
        SPEARMAN,
        {"tolerance": 0.9},
        "is 0.900, by the case and 8 trainings it is at most 0.0",
    ),
    "of the base": (
        ("base", "metrics", "margin"),
        {"tolerance": 0.5},
        "is 0.500, by the case it is at most",
    ),
    "no trainings": (SPEARMAN, {"seeds": {}}, r"0 trainings \(\) behind its tolerance, expected several, the same"),
    "fewer trainings": (AUC, {"seeds": {"42": 0.863799, "43": 0.2}}, r"2 trainings \(42, 43\) behind its tolerance"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_number_is_named(edited, name):
    (model, *keys), change, said = EDITS[name]

    def edit(models):
        place = models[model]
        for key in keys:
            place = place[key]
        place.update(change)

    found = edited(edit)
    assert any(re.search(said, line) for line in found), found
    assert {" ".join(filter(None, (model, *keys[1:])))} == {line.partition(":")[0] for line in found}


def test_a_model_without_values_contradicts_nothing(edited):
    assert [] == edited(lambda models: models["lora"].update(metrics={}, categories={}))


def test_trainings_that_are_passed_off_as_a_bootstrap_are_held_against_the_pairs(edited):
    def edit(models):
        models["lora"]["tolerance_from"] = "bootstrap"
        models["lora"]["metrics"]["spearman"].update(tolerance=0.9, seeds={})

    assert any(
        line.startswith("lora spearman: the tolerance is 0.900, by the case and the pairs it is at most 0.0")
        for line in edited(edit)
    )


def test_nothing_is_compared_with_a_baseline_that_contradicts_itself(dating):
    _, _, baseline = dating
    content = baseline.model_dump(mode="json")
    for values in content["models"]["lora"]["metrics"].values():
        values["tolerance"] = 1e6
    stored = comparable(Baseline(**content), baseline.origin, contradictions=(f"no. {n}" for n in range(99)))
    assert ("no. 0", "and more") == (stored.problems[0], stored.problems[-1])
    assert (None, 6) == (stored.value("lora", "spearman"), len(stored.problems))
    other = baseline.origin.model_copy(update={"eval_sha256": "0" * 64})
    assert all("no. 0" not in problem for problem in comparable(baseline, other, contradictions=["no. 0"]).problems)


def test_a_comparison_that_no_model_fails_is_named(dating):
    _, pairs, baseline = dating
    lora = baseline.models["lora"].model_dump(mode="json")
    lora["metrics"]["spearman"]["tolerance"] = 1.7  # a model that ranks the other way round has -1
    lora["metrics"]["cohens_d"]["tolerance"] = 4.0
    lora["metrics"]["false_positives"]["tolerance"] = 100.0
    model = type(baseline.models["lora"])(**lora)
    assert ["spearman", "cohens_d", "false_positives"] == [found.metric for found in cannot_fail(model, pairs)]
