"""Every gate passes on what is good, fails on what is bad for its own reason, and never passes what is undefined."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.audit import Finding
from harness.gates import GATES, PARAMETERS, Gate, NotJudgedError, expected, judge, subjects
from harness.metrics import METRICS
from harness.report.charts import CHARTS

NAN = float("nan")
CANDIDATE = ("files", "base", "complete", "exact_merge", "load_paths", "settings", "record", "training_data")
Changes = dict[str, tuple[Callable[[Any], Any], str]]


def outcomes(run: Any, kind: str) -> list[tuple[str, Any]]:
    """Each gate with its verdicts, or why it was not judged."""
    found: list[tuple[str, Any]] = []
    for gate in GATES.values():
        for subject in subjects(gate, run.inputs) if kind in gate.runs else ():
            try:
                verdict = judge(run, gate, subject)
                assert (gate.name, subject) == (verdict.gate, verdict.subject)
                found.append((gate.name, verdict))
            except NotJudgedError as error:
                found.append((gate.name, error))
    return found


def failing(run: Any, kind: str = "full") -> tuple[dict[str, Any], set[str], Counter[str]]:
    """Verdicts that are no pass by gate, the causes of those that were not judged, and how many these are by gate."""
    found = outcomes(run, kind)
    skipped = [(name, outcome) for name, outcome in found if isinstance(outcome, NotJudgedError)]
    verdicts = {name: verdict for name, verdict in found if getattr(verdict, "outcome", "pass") != "pass"}
    return verdicts, {error.cause for _, error in skipped}, Counter(name for name, _ in skipped)


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_a_row_says_everything_that_follows_from_it(make_run: Any, gate: Gate) -> None:
    assert gate.title
    assert (True, True) == (gate.question.endswith("?"), gate.action.endswith("."))
    assert set(gate.over) <= set(PARAMETERS)
    assert set() < set(gate.runs) <= {"full", "gate", "learning_rate", "bench"}
    assert set(gate.needs) <= set(list(GATES)[: list(GATES).index(gate.name)])
    assert not (gate.hard and "baseline" in gate.needs)
    assert {gate.chart, *(gate.chart_of(one) for one in subjects(gate, make_run().inputs))} <= {"", *CHARTS}


def test_causes_come_before_their_consequences() -> None:
    measured = ("baseline", "relative_performance", "beats_base", "metric", "category", "memory", "latency")
    assert (*CANDIDATE, "audit", "diverges", "merge_agrees", *measured, "stalls", "learns") == tuple(GATES)


@pytest.mark.parametrize(
    ("kind", "candidate"), [("full", ""), ("learning_rate", ""), ("bench", ""), ("gate", "lora"), ("gate", "standard")]
)
def test_every_gate_passes_a_good_run(make_run: Any, kind: str, candidate: str) -> None:
    run = make_run(candidate)
    found = outcomes(run, kind)
    assert expected(run.inputs, {kind}) == len(found) > 0
    assert {"pass"} == {verdict.outcome for _, verdict in found}
    if candidate:
        gates = Counter(name for name, _ in found)
        assert (candidate == "lora") == ("exact_merge" in gates)
        assert (2 * len(METRICS), 2) == (gates["metric"], gates["memory"])  # the candidate and the base
        assert () == subjects(GATES["stalls"], run.inputs)  # nothing is trained


def test_what_a_case_does_not_ask_for_has_no_subject(make_run: Any) -> None:
    run = make_run()
    run.inputs.case.gates = run.inputs.case.gates.model_copy(update={"memory_mb": None, "relative_performance": []})
    run.inputs.case.learning_rate = None
    for name in ("memory", "relative_performance", "stalls", "learns", "files"):
        assert () == subjects(GATES[name], run.inputs)


def test_ids_name_model_metric_and_category_and_charts_follow_them(make_run: Any) -> None:
    ids = {name: [str(one) for one in subjects(gate, make_run().inputs)] for name, gate in GATES.items()}
    assert "lora-margin-values" in ids["category"]
    assert ["lora-standard-spearman"] == ids["relative_performance"]
    assert ["base-encode", "standard-train", "standard-encode", "lora-train", "lora-encode"] == ids["memory"]
    [category, *_] = subjects(GATES["category"], make_run().inputs)
    assert "category_heatmap" == GATES["category"].chart_of(category)
    assert METRICS[category.metric].chart == GATES["metric"].chart_of(category)


def embeddings(name: str, made: Callable[[Any], Any]) -> Callable[[Any], None]:
    return lambda run: run.arrays["lora"].update({name: made(run.arrays)})


def undefined(array: Any) -> Any:
    return np.where(np.arange(len(array))[:, None] == 3, np.float32(NAN), array)


def recorded(name: str, made: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda run: run.verify(record=replace(run.verified.record, **{name: made(run)}))


# Gate -> what makes a good run bad, and what the gate says.
BAD: Changes = {
    **{
        name: (
            lambda run, name=name: run.verify(**{name: ("fail", "broken")}),
            f"lora {name.replace('_', ' ')}: broken$",
        )
        for name in ("files", "base", "complete", "exact_merge")
    },
    "load_paths": (
        lambda run: run.verify(errors={"saved": "ValueError: no pooling"}),
        "^lora load paths: saved fails: ValueError: no pooling$",
    ),
    "settings": (
        lambda run: run.verify(settings={"peft": {"length": 48}, "merged": {"length": 16}}),
        r"^lora settings: length 16, the baseline was made with 48 \(merged\)\. After an intended change: ",
    ),
    "record": (
        recorded("probes", lambda run: run.arrays["base"]["probes"]),
        r"^lora record: least cosine -?0\.\d{4} .*: not the model",
    ),
    "training_data": (
        recorded("pairs", lambda _: np.array([1, 5, 7, 9], np.uint64)),
        "^lora training data: trained on 2 of the 3 pairs that it is evaluated on$",
    ),
    "audit": (
        lambda run: run.findings.update(one_word=Finding(0.2, "1 of 5 words", ("a", "b"))),
        r"^Label from one word: 0\.200, limit 0\.100: above \(1 of 5 words\): a; b$",
    ),
    "diverges": (
        embeddings("eval", lambda arrays: arrays["base"]["eval"]),
        r"^lora on eval: .* 0\.0000 .*: was the adapter applied\?$",
    ),
    "merge_agrees": (
        embeddings("probes", lambda arrays: arrays["base"]["probes"]),
        "^lora merged and unmerged: least cosine .*: merging changed",
    ),
    "baseline": (
        lambda run: run.baseline.models.pop("lora"),
        "^not comparable: model lora is new, nothing is stored for it. After an intended change: pytest evals/ -m full",
    ),
    "relative_performance": (
        lambda run: run.relate(ratio=0.718),
        r"^lora spearman 0\.800, standard 0\.842: relative performance 71\.8% \(.*\), expected at least 90%; gap rec",
    ),
    "beats_base": (
        lambda run: run.measure("lora", "margin", 0.1),
        r"^lora margin 0\.100, base 0\.100: not better than the",
    ),
    "metric": (lambda run: run.measure("lora", "margin", 0.7), "^lora margin .* tolerance 0.020: worse by 0.100$"),
    "category": (lambda run: run.measure("lora", "margin", 0.7), "^lora values margin .*: worse by 0.100$"),
    "memory": (lambda run: setattr(run, "peak_mb", 1300.6), "^train lora: peak 1301 MB, ceiling 1200 MB: too much$"),
    "latency": (
        lambda run: run.seconds.update({32: ([1.3, 1.31, 1.29], [1.0] * 3)}),
        r"^lora encode time / base, 32 texts a call: 1\.300 \(95 % interval .*\), limit 1\.15: slower$",
    ),
    "stalls": (
        lambda run: run.relate(2e-5, gap_recovered=0.4),
        r"^lora at 2e-5, the .* standard 0\.842: gap recovered 40\.0% .*, expected at most 10%: it learns where it",
    ),
    "learns": (
        lambda run: run.relate(2e-4, gap_recovered=0.4),
        r"^lora at 2e-4, ten times .* 40\.0% \(95 % .* 99%\), expected at least 50%: it stalls where it should learn$",
    ),
}


@pytest.mark.parametrize("name", GATES)
def test_each_gate_fails_what_is_bad_for_its_own_reason(make_run: Any, verdict_of: Any, name: str) -> None:
    change, said = BAD[name]
    run = make_run("lora" if name in CANDIDATE else "")
    change(run)
    verdict = verdict_of(run, name)
    assert "fail" == verdict.outcome
    assert re.search(said, verdict.message), verdict.message


# Gate -> what makes its value undefined, and the reason that it gives.
UNDEFINED: Changes = {
    "load_paths": (
        lambda run: run.verify(embeddings={"peft": (undefined(run.arrays["lora"]["probes"]),) * 2}),
        "embeddings that are not numbers",
    ),
    "record": (recorded("probes", lambda run: undefined(run.verified.record.probes)), "not the model that was trained"),
    "audit": (
        lambda run: run.findings.update(one_word=Finding(NAN, reason="one label only")),
        "undefined, limit 0.100: undefined: one label",
    ),
    "diverges": (
        embeddings("eval", lambda arrays: undefined(arrays["lora"]["eval"])),
        "undefined: an embedding is zer",
    ),
    "merge_agrees": (
        embeddings("probes", lambda arrays: 0 * arrays["lora"]["probes"]),
        "undefined: an embedding is zer",
    ),
    "relative_performance": (
        lambda run: run.relate(ratio=NAN, reason="not above 0"),
        "relative performance undefined: not above 0",
    ),
    **{
        name: (lambda run: run.measure("lora", "margin", NAN, "one label only"), "undefined: one label only")
        for name in ("beats_base", "metric", "category")
    },
    "memory": (lambda run: setattr(run, "peak_mb", None), "undefined on this system"),
    "latency": (lambda run: run.seconds.update({32: ([1.0, NAN], [1.0, 1.0])}), "undefined: a time is missing"),
    **{
        name: (
            lambda run, rate=rate: run.relate(rate, gap_recovered=NAN, gap_reason="no gain"),
            "gap recovered undefined: no gain",
        )
        for name, rate in (("stalls", 2e-5), ("learns", 2e-4))
    },
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_what_is_undefined_fails_with_its_reason_and_no_other(make_run: Any, verdict_of: Any, name: str) -> None:
    change, reason = UNDEFINED[name]
    run = make_run("lora" if name in CANDIDATE else "")
    change(run)
    verdict = verdict_of(run, name)
    assert ("fail", True) == (verdict.outcome, reason in verdict.message), verdict.message
    assert not re.search("worse by|not better|was the adapter|merging changed|: slower|stalls where", verdict.message)


@pytest.mark.parametrize("name", ["files", "base", "complete", "record"])
def test_a_candidate_that_cannot_be_opened_fails_one_gate(make_run: Any, name: str) -> None:
    half = {"record": None, "record_error": "training.safetensors: gone"}
    changed = half if name == "record" else {name: ("fail", "broken")}
    failed, causes, skipped = failing(make_run("lora").verify(**changed), "gate")
    assert ([name], {name}) == (list(failed), causes)
    of_record = {"base", "complete", "exact_merge", "training_data"} if name == "record" else set()
    assert {gate.name for gate in GATES.values() if name in gate.needs} | of_record == set(skipped)
    assert len(METRICS) == skipped["metric"]  # the base does not depend on the candidate
    if name == "record":
        assert failed[name].message.startswith("lora record: training.safetensors: gone; the record is two files, ")


@pytest.mark.parametrize("kind", ["full", "gate"])
@pytest.mark.parametrize("other", [None, {"base_digest": "0" * 64}, {"eval_sha256": "0" * 64}])
def test_without_a_comparable_baseline_one_gate_fails(make_run: Any, kind: str, other: Any) -> None:
    run = make_run("lora" if kind == "gate" else "")
    run.baseline = run.baseline if other else None
    run.inputs.origin = run.inputs.origin.model_copy(update=other)
    failed, causes, skipped = failing(run, kind)
    assert ({"baseline": "fail"}, {"baseline"}) == ({name: found.outcome for name, found in failed.items()}, causes)
    assert 1 == failed["baseline"].observed
    only_gated = {"settings", "relative_performance"} if kind == "gate" else set()
    assert {"metric", "category"} | only_gated == set(skipped)


@settings(max_examples=50)
@given(data=st.data())
def test_nothing_is_left_unjudged_without_a_failure_of_the_baseline(make_run: Any, data: st.DataObject) -> None:
    run = make_run()
    for name, model in list(run.baseline.models.items()):
        for values in (model.metrics, *model.categories.values()):
            for metric in data.draw(st.sets(st.sampled_from(sorted(values)), max_size=1)):
                del values[metric]
        if data.draw(st.booleans()):
            del model.categories["values"]
        if data.draw(st.booleans()):
            del run.baseline.models[name]
    failed, causes, _ = failing(run)
    assert {"baseline"} >= causes | set(failed)
    assert bool(causes) <= bool(failed)
