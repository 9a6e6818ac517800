"""Every gate passes on what is good, fails on what is bad for its own reason, and never passes what is undefined."""

import re
from collections import Counter
from dataclasses import replace
from operator import methodcaller as call

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.audit import Finding
from harness.gates import GATES, PARAMETERS, NotJudgedError, expected, judge, subjects
from harness.metrics import METRICS
from harness.report.charts import CHARTS
from harness.statistics import BeforeAfter, Interval
from harness.training import EpochPoint

NAN = float("nan")
CANDIDATE = ("files", "base", "complete", "exact_merge", "load_paths", "settings", "record", "training_data")


def outcomes(run, kind):
    """Each gate with its verdicts, or why it was not judged."""
    found = []
    for gate in GATES.values():
        for subject in subjects(gate, run.inputs) if kind in gate.runs else ():
            try:
                verdict = judge(run, gate, subject)
                assert (gate.name, subject) == (verdict.gate, verdict.subject)
                found.append((gate.name, verdict))
            except NotJudgedError as error:
                found.append((gate.name, error))
    return found


def failing(run, kind="full"):
    """Verdicts that are no pass by gate, the causes of those that were not judged, and how many these are by gate."""
    found = outcomes(run, kind)
    skipped = [(name, outcome) for name, outcome in found if isinstance(outcome, NotJudgedError)]
    verdicts = {name: verdict for name, verdict in found if getattr(verdict, "outcome", "pass") != "pass"}
    return verdicts, {error.cause for _, error in skipped}, Counter(name for name, _ in skipped)


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_a_row_names_only_what_there_is_and_comes_after_its_causes(make_run, gate):
    assert set(gate.over) <= set(PARAMETERS)
    assert set() < set(gate.runs) <= set(make_run().inputs.case.runs)
    assert set(gate.needs) <= set(list(GATES)[: list(GATES).index(gate.name)])
    assert not (gate.hard and "baseline" in gate.needs)
    assert {gate.chart, *(gate.chart_of(one) for one in subjects(gate, make_run().inputs))} <= {"", *CHARTS}


@pytest.mark.parametrize(
    ("kind", "candidate"),
    [("full", ""), ("learning_rate", ""), ("bench", ""), ("strategies", ""), ("gate", "lora"), ("gate", "standard")],
)
def test_every_gate_passes_a_good_run(make_run, kind, candidate):
    run = make_run(candidate)
    found = outcomes(run, kind)
    assert expected(run.inputs, {kind}) == len(found) > 0
    assert {"pass"} == {verdict.outcome for _, verdict in found}
    if candidate:
        gates = Counter(name for name, _ in found)
        assert (candidate == "lora") == ("exact_merge" in gates)
        assert (2 * len(METRICS), 2) == (gates["metric"], gates["memory"])  # the candidate and the base
        assert () == subjects(GATES["stalls"], run.inputs)  # nothing is trained


def test_what_a_case_asks_for_has_a_subject_that_names_it_and_nothing_else_has(make_run):
    run = make_run()
    subject = {name: [str(one) for one in subjects(gate, run.inputs)] for name, gate in GATES.items()}
    assert ["base-encode", "standard-train", "standard-encode", "lora-train", "lora-encode"] == subject["memory"]
    assert ["lora-standard-spearman"] == subject["relative_performance"]
    assert ["lora-spearman-4", "lora-spearman-2"] == subject["truncation"]
    assert ["lora-cohens_d-2", "lora-cohens_d-32"] == subject["rank"]  # its own is 8
    assert (
        ["standard", "lora"]
        == subject["retrieval"]
        == subject["forgetting"]
        == subject["overtraining"]
        == subject["loss_falls"]
    )
    assert "lora-margin-values" in subject["category"]
    [category, *_] = subjects(GATES["category"], run.inputs)
    assert "category_heatmap" == GATES["category"].chart_of(category)
    assert METRICS[category.metric].chart == GATES["metric"].chart_of(category)
    run.inputs.case.gates = run.inputs.case.gates.model_copy(update=UNASKED)
    run.inputs.case.learning_rate = run.inputs.dev = run.inputs.retrieval = None
    for name in (*UNASKED_GATES, "stalls", "learns", "files", "overtraining", "retrieval", "strategies"):
        assert () == subjects(GATES[name], run.inputs)


UNASKED = {"memory_mb": None, "relative_performance": [], "truncation": None, "rank": None, "forgetting": None}
UNASKED_GATES = ("memory", "relative_performance", "truncation", "matryoshka", "rank", "forgetting")


def undefined(array):
    return np.where(np.arange(len(array))[:, None] == 3, np.float32(NAN), array)


# What a run is changed by.
def embeddings(name, made):
    return lambda run: run.arrays["lora"].update({name: made(run.arrays)})


def recorded(name, made):
    return lambda run: run.verify(record=replace(run.verified.record, **{name: made(run)}))


def found(*finding):
    return lambda run: run.findings.update(one_word=Finding(*finding))


def timed(*seconds):
    return lambda run: run.seconds.update({32: (list(seconds), [1.0] * len(seconds))})


def curved(*points):
    curve = [EpochPoint(epoch, loss, spearman) for epoch, (loss, spearman) in enumerate(points, start=1)]
    return lambda run: setattr(run, "points", curve)


def seeds(*values):
    by_seed = {str(seed): value for seed, value in enumerate(values)}
    return call("store", "lora", "spearman", seeds=by_seed)


def second_stage(after, low, high, reason=""):
    accuracy = BeforeAfter(0.8, after, Interval(low, high, reason))
    return lambda run: setattr(run.reranked, "accuracy", accuracy)


# Gate -> what makes a good run bad, and what the gate says.
BAD = {
    **{
        name: (call("verify", **{name: ("fail", "broken")}), f"^lora {name.replace('_', ' ')}: broken$")
        for name in ("files", "base", "complete", "exact_merge")
    },
    "load_paths": (call("verify", errors={"saved": "KeyError: x"}), "^lora load paths: saved fails: KeyError: x$"),
    "settings": (call("verify", settings={"b": {"length": 16}}), r"^lora settings: length 16, the .* 48 \(b\)"),
    "record": (recorded("probes", lambda run: run.arrays["base"]["probes"]), r"^lora record: .* -?0\.\d{4} .*: not"),
    "training_data": (recorded("pairs", lambda _: np.uint64([1, 5, 7, 9])), "^lora .* trained on 2 of the 3 pairs"),
    "audit": (found(0.2, "5 words", ("a", "b")), r"^Label from .*: 0\.200, limit 0\.100: above \(5 words\): a; b$"),
    "diverges": (embeddings("eval", lambda arrays: arrays["base"]["eval"]), r"^lora on eval: .* 0\.0000 .* applied\?$"),
    "merge_agrees": (embeddings("probes", lambda arrays: arrays["base"]["probes"]), "least cosine .*: merging changed"),
    "baseline": (
        lambda run: run.baseline.models.pop("lora"),
        "^not comparable: model lora is new, .* embedding-harness",
    ),
    "relative_performance": (
        call("relate", ratio=0.718),
        r"^lora spearman 0\.800, standard 0\.842: .* 71\.8% \(95 % interval 90% to 99%\), .* 90%; gap recovered 90% \(",
    ),
    "truncation": (
        lambda run: setattr(run, "cut", replace(run.cut, ratio=0.85)),
        r"^lora spearman at 4 of 8 dimensions 0\.800, at full width 0\.842: 85\.0% of .*, expected at least 95%$",
    ),
    "loss_falls": (
        curved((0.5, 0.8), (0.5, 0.8)),
        "^lora mean training loss 0.5 .*, 0.5 in the last: it does not fall$",
    ),
    "overtraining": (
        curved((0.5, 0.8), (0.3, 0.9), (0.1, 0.7)),
        r"^lora dev spearman 0\.9000 at best, 0\.7000 .*: 0\.2000 less, expected at most 0\.02: stop after epoch 2 \(",
    ),
    "stability": (
        seeds(0.9, 0.5, 0.7),
        r"^lora spearman 0\.500 to 0\.900 over 3 seeds, base 0\.100: .* 33% of the gain, .* 10%: another seed may",
    ),
    "collapse": (
        embeddings("eval", lambda arrays: np.ones_like(arrays["base"]["eval"])),
        r"^lora mean cosine .* 1\.000, expected at most 0\.9.*: collapsed: nearly .* \(effective rank 1\.0, base \d",
    ),
    "retrieval": (
        lambda run: setattr(run, "found", replace(run.found, difference=-0.02, interval=Interval(-0.05, 0.01))),
        r"^lora nDCG@10 .*0\.020 beside the base \(95 % .*\); first hit won on 3 queries, lost on 1: not better",
    ),
    "strategies": (
        lambda run: setattr(run, "general", replace(run.general, ratio=0.85)),
        r"^of 2 strategies \(standard, lora forgot too much\) none is better than the base in nDCG@10$",
    ),
    "rank": (
        lambda run: setattr(run, "ranked", replace(run.ranked, ratio=0.85)),
        r"^lora at rank 8 cohens_d 0\.80.*, at rank 32 0\.84.*: 85\.0% of rank 32 .*, expected at least 95%: raise it$",
    ),
    "rerank": (
        second_stage(0.75, -0.08, -0.02),
        r"^lora accuracy 0\.800, with the second stage -0\.050 \(95 % .* -0\.080 to -0\.020\): 200 .* 3 fixed, .*: w",
    ),
    "forgetting": (
        lambda run: setattr(run, "general", replace(run.general, ratio=0.85)),
        r"^lora spearman on general 0\.800, base 0\.842: 85\.0% of the base .*, expected at least 90%: it forgot$",
    ),
    "matryoshka": (
        call("measure", "standard", "spearman", 0.7),
        r"^standard spearman at 4 dimensions 0\.700, lora 0\.800: not better$",
    ),
    "beats_base": (call("measure", "lora", "margin", 0.1), r"^lora margin 0\.100, base 0\.100: not better than the"),
    "metric": (call("measure", "lora", "margin", 0.7), "^lora margin .* tolerance 0.020: worse by 0.100$"),
    "category": (call("measure", "lora", "margin", 0.7), "^lora values margin .*: worse by 0.100$"),
    "memory": (lambda run: setattr(run, "peak_mb", 1300.6), "^train lora: peak 1301 MB, ceiling 1200 MB: too much$"),
    "latency": (timed(1.3, 1.31, 1.29), r"^lora encode .* 32 texts .*: 1\.300 \(95 % .*\), limit 1\.15: slower$"),
    "stalls": (call("relate", 2e-5, gap_recovered=0.4), r"^lora at 2e-5, .* recovered 40\.0% .*, expected at most 10%"),
    "learns": (call("relate", 2e-4, gap_recovered=0.4), r"^lora at 2e-4, .* 40\.0% .*, expected at least 50%: it st"),
}


@pytest.mark.parametrize("name", GATES)
def test_each_gate_fails_what_is_bad_for_its_own_reason(make_run, verdict_of, name):
    change, said = BAD[name]
    run = make_run("lora" if name in CANDIDATE else "")
    change(run)
    verdict = verdict_of(run, name)
    assert ("fail", True) == (verdict.outcome, bool(re.search(said, verdict.message))), verdict.message


def test_a_spread_that_few_seeds_do_not_prove_is_inconclusive(make_run, verdict_of):
    for values, outcome in (((0.8, 0.79, 0.81), "pass"), ((0.9, 0.7, 0.8), "inconclusive"), ((0.9, 0.5, 0.7), "fail")):
        run = make_run()
        seeds(*values)(run)
        assert outcome == verdict_of(run, "stability").outcome


def test_a_second_stage_that_is_worse_within_chance_is_inconclusive(make_run, verdict_of):
    for changed, outcome in (
        ((0.82, -0.01, 0.05), "pass"),
        ((0.80, 0.0, 0.0), "pass"),  # it changed nothing
        ((0.79, -0.03, 0.01), "inconclusive"),
        ((0.79, NAN, NAN, "too few"), "inconclusive"),
        ((0.75, -0.08, -0.02), "fail"),
    ):
        run = make_run()
        second_stage(*changed)(run)
        assert outcome == verdict_of(run, "rerank").outcome


# Gate -> what makes its value undefined, and the reason that it gives.
UNDEFINED = {
    "load_paths": (call("verify", embeddings={"a": (undefined(np.ones((12, 8))),) * 2}), "that are not numbers"),
    "record": (recorded("probes", lambda run: undefined(run.verified.record.probes)), "not the model that was trained"),
    "audit": (found(NAN, "", (), "one label only"), "undefined, limit 0.100: undefined: one label"),
    "diverges": (embeddings("eval", lambda arrays: undefined(arrays["lora"]["eval"])), "undefined: an embedding is"),
    "merge_agrees": (embeddings("probes", lambda arrays: 0 * arrays["lora"]["probes"]), "undefined: an embedding is z"),
    "relative_performance": (call("relate", ratio=NAN, reason="not above 0"), "performance undefined: not above 0"),
    "truncation": (
        lambda run: setattr(run, "cut", replace(run.cut, ratio=NAN, reason="not above 0")),
        "undefined: not above 0",
    ),
    "loss_falls": (curved((0.5, 0.8), (NAN, 0.8)), "it diverged: not a number"),
    "overtraining": (curved((0.5, 0.8), (0.3, NAN)), "undefined"),
    "stability": (seeds(0.1, 0.0, 0.05), "on average no gain"),
    "collapse": (embeddings("eval", lambda arrays: 0 * arrays["lora"]["eval"]), "undefined: an embedding is zero"),
    "retrieval": (
        lambda run: setattr(run, "found", replace(run.found, difference=NAN, reason="not numbers")),
        "undefined: not numbers",
    ),
    "strategies": (
        lambda run: setattr(run, "found", replace(run.found, difference=NAN)),
        "none is better than the base",
    ),
    "rank": (
        lambda run: setattr(run, "ranked", replace(run.ranked, ratio=NAN, reason="not above 0")),
        "undefined: not above 0",
    ),
    "rerank": (second_stage(NAN, NAN, NAN, "3 scores are not finite"), "undefined: 3 scores are not finite"),
    "forgetting": (
        lambda run: setattr(run, "general", replace(run.general, ratio=NAN, reason="not above 0")),
        "undefined: not above 0",
    ),
    "matryoshka": (call("measure", "standard", "spearman", NAN, "one label"), "undefined: one label"),
    **dict.fromkeys(
        ("beats_base", "metric", "category"),
        (call("measure", "lora", "margin", NAN, "one label"), "undefined: one label"),
    ),
    "memory": (lambda run: setattr(run, "peak_mb", None), "undefined on this system"),
    "latency": (timed(1.0, NAN), "undefined: a time is missing"),
    "stalls": (call("relate", 2e-5, gap_recovered=NAN, gap_reason="no gain"), "gap recovered undefined: no gain"),
    "learns": (call("relate", 2e-4, gap_recovered=NAN, gap_reason="no gain"), "gap recovered undefined: no gain"),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_what_is_undefined_fails_with_its_reason_and_no_other(make_run, verdict_of, name):
    change, reason = UNDEFINED[name]
    run = make_run("lora" if name in CANDIDATE else "")
    change(run)
    verdict = verdict_of(run, name)
    assert ("fail", True) == (verdict.outcome, reason in verdict.message), verdict.message
    assert not re.search("worse by|not better|was the adapter|merging changed|: slower|stalls where", verdict.message)


@pytest.mark.parametrize("name", ["files", "base", "complete", "record"])
def test_a_candidate_that_cannot_be_opened_fails_one_gate(make_run, name):
    half = {"record": None, "record_error": "training.safetensors: gone"}
    changed = half if name == "record" else {name: ("fail", "broken")}
    failed, causes, skipped = failing(make_run("lora").verify(**changed), "gate")
    assert ([name], {name}) == (list(failed), causes)
    of_record = {"base", "complete", "exact_merge", "training_data"} if name == "record" else set()
    assert {gate.name for gate in GATES.values() if name in gate.needs} | of_record == set(skipped)
    assert len(METRICS) == skipped["metric"]  # the base does not depend on the candidate


@pytest.mark.parametrize("kind", ["full", "gate"])
@pytest.mark.parametrize("other", [None, {"base_digest": "0" * 64}, {"eval_sha256": "0" * 64}])
def test_without_a_comparable_baseline_one_gate_fails(make_run, kind, other):
    run = make_run("lora" if kind == "gate" else "")
    run.baseline = run.baseline if other else None
    run.inputs.origin = run.inputs.origin.model_copy(update=other)
    failed, causes, skipped = failing(run, kind)
    assert ({"baseline": "fail"}, {"baseline"}) == ({name: found.outcome for name, found in failed.items()}, causes)
    assert 1 == failed["baseline"].observed
    only_here = {"settings", "relative_performance"} if kind == "gate" else {"stability"}
    assert {"metric", "category"} | only_here == set(skipped)


@settings(max_examples=50)
@given(data=st.data())
def test_nothing_is_left_unjudged_without_a_failure_of_the_baseline(make_run, data):
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
