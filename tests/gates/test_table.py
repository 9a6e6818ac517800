"""Every gate passes on what is good, fails on what is bad for its own reason, and never passes what is undefined."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.audit import Finding
from harness.gates import GATES, PARAMETERS, NotJudgedError, expected, judge, subjects
from harness.metrics import METRICS
from harness.report.charts import CHARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.gates import Gate, Subject, Verdict

    Make = Callable[..., Any]

NAN = float("nan")
CANDIDATE = ("files", "base", "complete", "exact_merge", "load_paths", "settings", "record", "training_data")
KINDS = {"full", "gate", "learning_rate", "bench"}


def outcomes(run: Any, kind: str) -> Iterator[tuple[Gate, Subject, Verdict | NotJudgedError]]:
    for gate in GATES.values():
        for subject in subjects(gate, run.inputs) if kind in gate.runs else ():
            try:
                yield gate, subject, judge(run, gate, subject)
            except NotJudgedError as error:
                yield gate, subject, error


def failing(run: Any, kind: str = "full") -> dict[str, Any]:
    """Gate -> its outcomes that are no pass: a verdict, or why it was not judged."""
    found: dict[str, Any] = {}
    for gate, _, outcome in outcomes(run, kind):
        if isinstance(outcome, NotJudgedError) or outcome.outcome != "pass":
            found.setdefault(gate.name, []).append(outcome)
    return found


# --- the rows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_a_row_says_everything_that_follows_from_it(gate: Gate) -> None:
    assert gate.title
    assert gate.question.endswith("?")
    assert gate.action.endswith(".")
    assert set(gate.over) <= set(PARAMETERS)
    assert set() < set(gate.runs) <= KINDS
    before = list(GATES)[: list(GATES).index(gate.name)]
    assert set(gate.needs) <= set(before)
    assert gate.chart in ("", *CHARTS)
    assert not (gate.hard and "baseline" in gate.needs)


def test_causes_come_before_their_consequences() -> None:
    measured = ("baseline", "relative_performance", "beats_base", "metric", "category", "memory", "latency")
    order = (*CANDIDATE, "audit", "diverges", "merge_agrees", *measured, "stalls", "learns")
    assert order == tuple(GATES)


def test_a_gate_is_shown_by_its_own_chart_or_by_that_of_its_metric(make_run: Make) -> None:
    run = make_run()
    for gate in GATES.values():
        for subject in subjects(gate, run.inputs):
            assert gate.chart_of(subject) in ("", *CHARTS)
    [category, *_] = subjects(GATES["category"], run.inputs)
    assert "category_heatmap" == GATES["category"].chart_of(category)
    assert METRICS[category.metric].chart == GATES["metric"].chart_of(category)


# --- the good ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["full", "learning_rate", "bench"])
def test_every_gate_passes_a_good_run(make_run: Make, kind: str) -> None:
    run = make_run()
    found = list(outcomes(run, kind))
    assert expected(run.inputs, {kind}) == len(found) > 0
    for gate, subject, verdict in found:
        assert ("pass", gate.name, subject) == (verdict.outcome, verdict.gate, verdict.subject), verdict


@pytest.mark.parametrize("candidate", ["lora", "standard"])
def test_every_gate_passes_a_good_candidate(make_run: Make, candidate: str) -> None:
    run = make_run(candidate)
    assert {} == failing(run, "gate")
    found = Counter(gate.name for gate, *_ in outcomes(run, "gate"))
    assert expected(run.inputs, {"gate"}) == found.total()
    assert (candidate == "lora") == ("exact_merge" in found)
    assert 2 * len(METRICS) == found["metric"]  # the candidate and the base
    assert {candidate, "base"} == {subject.model for subject in subjects(GATES["memory"], run.inputs)}


def test_what_a_case_does_not_ask_for_has_no_subject(make_run: Make) -> None:
    run = make_run()
    case = run.inputs.case
    case.gates = case.gates.model_copy(update={"memory_mb": None, "relative_performance": []})
    case.learning_rate = None
    for name in ("memory", "relative_performance", "stalls", "learns", "files"):
        assert () == subjects(GATES[name], run.inputs)


def test_ids_name_model_metric_and_category(make_run: Make) -> None:
    run = make_run()
    assert "lora-margin-values" in [str(subject) for subject in subjects(GATES["category"], run.inputs)]
    assert ["lora-standard-spearman"] == [str(one) for one in subjects(GATES["relative_performance"], run.inputs)]
    assert ["base-encode", "standard-train", "standard-encode"] == [
        str(subject) for subject in subjects(GATES["memory"], run.inputs)
    ][:3]


# --- the bad ----------------------------------------------------------------------------------------------------------


def embeddings(**arrays: Callable[[Any], Any]) -> Callable[[Any], None]:
    def change(run: Any) -> None:
        for name, made in arrays.items():
            run.arrays["lora"][name] = made(run.arrays)

    return change


def slower(run: Any) -> None:
    run.seconds[32] = ([1.3, 1.31, 1.29], [1.0, 1.0, 1.0])


# Gate -> what makes a good run bad, what the gate is judged for, and what it says.
BAD: dict[str, tuple[Callable[[Any], Any], dict[str, str], str]] = {
    **{
        name: (lambda run, name=name: run.verify(**{name: ("fail", "broken")}), {"model": "lora"}, "lora .*: broken$")
        for name in ("files", "base", "complete", "exact_merge")
    },
    "load_paths": (
        lambda run: run.verify(errors={"saved": "ValueError: no pooling"}),
        {"model": "lora"},
        "^lora load paths: saved fails: ValueError: no pooling$",
    ),
    "settings": (
        lambda run: run.verify(settings={"peft": {"length": 48}, "merged": {"length": 16}}),
        {"model": "lora"},
        r"^lora settings: length 16, the baseline was made with 48 \(merged\)\. After an intended change: ",
    ),
    "record": (
        lambda run: run.verify(record=replace(run.verified.record, probes=run.arrays["base"]["probes"])),
        {"model": "lora"},
        r"^lora record: least cosine -?0\.\d{4} .*: not the model that was trained$",
    ),
    "training_data": (
        lambda run: run.verify(record=replace(run.verified.record, pairs=np.array([1, 5, 7, 9], np.uint64))),
        {"model": "lora"},
        "^lora training data: trained on 2 of the 3 pairs that it is evaluated on$",
    ),
    "audit": (
        lambda run: run.findings.update(one_word=Finding(0.2, "1 of 5 words", ("a", "b"))),
        {"check": "one_word"},
        r"^Label from one word: 0\.200, limit 0\.100: above \(1 of 5 words\): a; b$",
    ),
    "diverges": (
        embeddings(eval=lambda arrays: arrays["base"]["eval"]),
        {"model": "lora", "texts": "eval"},
        r"^lora on eval: mean cosine distance 0\.0000 .*: the output is the base's: was the adapter applied\?$",
    ),
    "merge_agrees": (
        embeddings(probes=lambda arrays: arrays["base"]["probes"]),
        {"model": "lora"},
        "^lora merged and unmerged: least cosine .*: merging changed the model$",
    ),
    "baseline": (
        lambda run: run.baseline.models.pop("lora"),
        {},
        "^not comparable: model lora is new, nothing is stored for it. After an intended change: pytest evals/ -m full",
    ),
    "relative_performance": (
        lambda run: run.relatives.update({None: replace(run.relatives[None], ratio=0.718)}),
        {"model": "lora", "reference": "standard", "metric": "spearman"},
        r"^lora spearman 0\.800, standard 0\.842: relative performance 71\.8% \(.*\), expected at least 90%; gap rec",
    ),
    "beats_base": (
        lambda run: run.measure("lora", "margin", 0.1),
        {"model": "lora", "metric": "margin"},
        r"^lora margin 0\.100, base 0\.100: not better than the base$",
    ),
    "metric": (
        lambda run: run.measure("lora", "margin", 0.7),
        {"model": "lora", "metric": "margin"},
        r"^lora margin 0\.700, stored 0\.800, tolerance 0\.020: worse by 0\.100$",
    ),
    "category": (
        lambda run: run.measure("lora", "margin", 0.7),
        {"model": "lora", "metric": "margin", "category": "values"},
        r"^lora values margin 0\.700, stored 0\.800, tolerance 0\.020: worse by 0\.100$",
    ),
    "memory": (
        lambda run: setattr(run, "peak_mb", 1300.6),
        {"model": "lora", "stage": "train"},
        "^train lora: peak 1301 MB, ceiling 1200 MB: too much$",
    ),
    "latency": (
        slower,
        {"model": "lora", "batch": "32"},
        r"^lora encode time / base, 32 texts a call: 1\.300 \(95 % interval .*\), limit 1\.15: slower$",
    ),
    "stalls": (
        lambda run: run.relatives.update({2e-5: replace(run.relatives[2e-5], gap_recovered=0.4)}),
        {"model": "lora", "reference": "standard", "metric": "spearman"},
        r"^lora at 2e-5, the learning rate of standard: spearman 0\.800, base -0\.200, standard 0\.842: gap recovered",
    ),
    "learns": (
        lambda run: run.relatives.update({2e-4: replace(run.relatives[2e-4], gap_recovered=0.4)}),
        {"model": "lora", "reference": "standard", "metric": "spearman"},
        r"^lora at 2e-4, ten times .* 40\.0% \(95 % .* 99%\), expected at least 50%: it stalls where it should learn$",
    ),
}


@pytest.mark.parametrize("name", GATES)
def test_each_gate_fails_what_is_bad_for_its_own_reason(make_run: Make, verdict_of: Make, name: str) -> None:
    change, subject, said = BAD[name]
    run = make_run("lora" if name in CANDIDATE else "")
    change(run)
    verdict = verdict_of(run, name, **subject)
    assert "fail" == verdict.outcome
    assert re.search(said, verdict.message), verdict.message


def undefined(array: Any) -> Any:
    return np.where(np.arange(len(array))[:, None] == 3, np.float32(NAN), array)


# Gate -> what makes its value undefined, and the reason that it gives.
UNDEFINED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "load_paths": (
        lambda run: run.verify(embeddings={"peft": (undefined(run.arrays["lora"]["probes"]),) * 2}),
        "embeddings that are not numbers",
    ),
    "record": (
        lambda run: run.verify(record=replace(run.verified.record, probes=undefined(run.verified.record.probes))),
        "not the model that was trained",
    ),
    "audit": (
        lambda run: run.findings.update(one_word=Finding(NAN, reason="one label only")),
        "undefined, limit 0.100: undefined: one label only",
    ),
    "diverges": (embeddings(eval=lambda arrays: undefined(arrays["lora"]["eval"])), "undefined: an embedding is zero"),
    "merge_agrees": (embeddings(probes=lambda arrays: 0 * arrays["lora"]["probes"]), "undefined: an embedding is zero"),
    "relative_performance": (
        lambda run: run.relatives.update({None: replace(run.relatives[None], ratio=NAN, reason="not above 0")}),
        "relative performance undefined: not above 0",
    ),
    "beats_base": (lambda run: run.measure("lora", "margin", NAN, "one label only"), "undefined: one label only"),
    "metric": (lambda run: run.measure("lora", "margin", NAN, "one label only"), "undefined: one label only"),
    "category": (lambda run: run.measure("lora", "margin", NAN, "one label only"), "undefined: one label only"),
    "memory": (lambda run: setattr(run, "peak_mb", None), "undefined on this system"),
    "latency": (lambda run: run.seconds.update({32: ([1.0, NAN], [1.0, 1.0])}), "undefined: a time is missing"),
    "stalls": (
        lambda run: run.relatives.update({2e-5: replace(run.relatives[2e-5], gap_recovered=NAN, gap_reason="no gain")}),
        "gap recovered undefined: no gain",
    ),
    "learns": (
        lambda run: run.relatives.update({2e-4: replace(run.relatives[2e-4], gap_recovered=NAN, gap_reason="no gain")}),
        "gap recovered undefined: no gain",
    ),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_what_is_undefined_fails_with_its_reason_and_no_other(make_run: Make, verdict_of: Make, name: str) -> None:
    change, reason = UNDEFINED[name]
    run = make_run("lora" if name in CANDIDATE else "")
    change(run)
    verdict = verdict_of(run, name, **BAD[name][1])
    assert "fail" == verdict.outcome
    assert reason in verdict.message
    assert not re.search("worse by|not better|was the adapter|merging changed|: slower|stalls where", verdict.message)


# --- one cause, one failure -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["files", "base", "complete"])
def test_a_candidate_that_cannot_be_opened_fails_one_gate(make_run: Make, name: str) -> None:
    run = make_run("lora").verify(**{name: ("fail", "broken")})
    found = failing(run, "gate")
    [verdict] = found.pop(name)
    assert "fail" == verdict.outcome
    assert {name} == {error.cause for errors in found.values() for error in errors}
    assert {gate.name for gate in GATES.values() if name in gate.needs} == set(found)
    # The base does not depend on the candidate.
    assert len(METRICS) == len(found["metric"])


def test_half_a_record_fails_one_gate(make_run: Make) -> None:
    found = failing(make_run("lora").verify(record=None, record_error="training.safetensors: gone"), "gate")
    [verdict] = found.pop("record")
    assert ("fail", "lora record: training.safetensors: gone; the record is two files") == (
        verdict.outcome,
        verdict.message.partition(", ")[0],
    )
    assert {"record"} == {error.cause for errors in found.values() for error in errors}
    assert {"base", "complete", "exact_merge", "training_data", "metric"} <= set(found)


@pytest.mark.parametrize("kind", ["full", "gate"])
def test_without_a_comparable_baseline_one_gate_fails(make_run: Make, kind: str) -> None:
    for change in ({"baseline": None}, {"origin": {"base_digest": "0" * 64}}, {"origin": {"eval_sha256": "0" * 64}}):
        run = make_run("lora" if kind == "gate" else "")
        run.baseline = change.get("baseline", run.baseline)
        run.inputs.origin = run.inputs.origin.model_copy(update=change.get("origin", {}))
        found = failing(run, kind)
        [verdict] = found.pop("baseline")
        assert "fail" == verdict.outcome
        assert {"baseline"} == {error.cause for errors in found.values() for error in errors}
        only_gated = {"settings", "relative_performance"} if kind == "gate" else set()
        assert {"metric", "category"} | only_gated == set(found)


@settings(max_examples=50)
@given(data=st.data())
def test_nothing_is_left_unjudged_without_a_failure_of_the_baseline(make_run: Make, data: st.DataObject) -> None:
    run = make_run()
    for name, model in list(run.baseline.models.items()):
        for values in (model.metrics, *model.categories.values()):
            for metric in data.draw(st.sets(st.sampled_from(sorted(values)), max_size=1)):
                del values[metric]
        if data.draw(st.booleans()):
            del model.categories["values"]
        if data.draw(st.booleans()):
            del run.baseline.models[name]
    found = failing(run)
    assert ("baseline" in found) == bool(found)
    assert {"baseline"} >= {error.cause for name, errors in found.items() if name != "baseline" for error in errors}
