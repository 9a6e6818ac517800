"""What is promised holds for a good run, is broken by a bad one, and only a good run becomes a baseline."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from harness import promises, workplace
from harness.audit import CHECKS
from harness.baselines import CATEGORY_METRICS, Baseline, baseline_path, read_baseline
from harness.candidates import Candidate
from harness.case import LearningRateCheck
from harness.errors import BaselineError
from harness.gates import NOW_WRONG
from harness.metrics import METRICS, MetricResult
from harness.pairs import read_pairs
from harness.pipeline import CaseRun, run_model
from harness.promises import PARAMETERS, hard_verdicts, update_baseline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.gates import Verdict

MODELS = ("base", "standard", "lora")


@pytest.fixture(scope="module")
def stored(tiny_run: CaseRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The baseline file that an update wrote, and what the update said."""
    root = tmp_path_factory.mktemp("baselines")
    changed = update_baseline(tiny_run, root, None)
    return baseline_path(root, tiny_run.case), changed


@pytest.fixture
def rerun(tiny_run: CaseRun) -> Callable[..., CaseRun]:
    """The measured case again, with another baseline, other inputs, other gates or other models."""

    def again(baseline: Baseline | None = None, *, gates: dict[str, Any] | None = None, **models: Any) -> CaseRun:
        case = tiny_run.case.model_copy(update={"gates": tiny_run.case.gates.model_copy(update=gates or {})})
        inputs = dataclasses.replace(tiny_run.inputs, case=case)
        return CaseRun(tiny_run.work, inputs, baseline, {name: tiny_run.model(name) for name in MODELS} | models)

    return again


def every_verdict(run: CaseRun) -> list[Verdict]:
    return [
        promises.baseline_is_comparable(run),
        *(promises.metric_holds(run, model, metric) for model in MODELS for metric in METRICS),
        *(
            promises.category_holds(run, model, *category)
            for model in MODELS
            for category in PARAMETERS["category"](run.inputs).values()
        ),
        *hard_verdicts(run),
    ]


def broken(run: CaseRun) -> list[str]:
    return [verdict.message for verdict in every_verdict(run) if verdict.verdict != "pass"]


def test_a_first_update_writes_the_cases_own_file(tiny_run: CaseRun, stored: tuple[Path, list[str]]) -> None:
    path, changed = stored
    assert ["new: 3 models, 84 pairs"] == changed
    assert [path] == [file for file in path.parent.parent.rglob("*") if file.is_file()]
    baseline = read_baseline(path)
    assert baseline is not None
    assert tiny_run.inputs.origin == baseline.origin
    assert set(MODELS) == set(baseline.models)
    for name, model in baseline.models.items():
        assert set(METRICS) == set(model.metrics)
        assert {"animals": set(CATEGORY_METRICS), "other": set(CATEGORY_METRICS)} == {
            category: set(values) for category, values in model.categories.items()
        }
        for metric, value in model.metrics.items():
            measured = tiny_run.model(name).evaluation.metrics[metric].value
            assert measured == pytest.approx(value.value, abs=1e-6)
            assert (set() if name == "base" else {"1", "2", "3"}) == set(value.seeds)
    scores = [tuple(row[name] for name in MODELS) for row in baseline.scores]
    expected = zip(*(tiny_run.model(name).evaluation.scores for name in MODELS), strict=True)
    assert [pytest.approx(row, abs=1e-6) for row in expected] == scores


def test_after_an_update_every_promise_holds(rerun: Any, stored: tuple[Path, list[str]]) -> None:
    assert [] == broken(rerun(read_baseline(stored[0])))


def test_a_second_update_changes_nothing(
    tiny_run: CaseRun, stored: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = stored
    before, written = path.read_bytes(), path.stat().st_mtime_ns
    monkeypatch.setattr(workplace, "run_stage", lambda *_, **__: pytest.fail("built again"))
    fresh = CaseRun(tiny_run.work, tiny_run.inputs, read_baseline(path))
    assert [] == update_baseline(fresh, path.parent.parent, None)
    assert (before, written) == (path.read_bytes(), path.stat().st_mtime_ns)


def test_an_update_repairs_what_was_changed_by_hand_and_says_so(
    tiny_run: CaseRun, stored: tuple[Path, list[str]], tmp_path: Path
) -> None:
    good = stored[0].read_bytes()
    path = baseline_path(tmp_path, tiny_run.case)
    path.parent.mkdir()
    content = json.loads(good)
    value = content["models"]["lora"]["metrics"]["margin"]["value"]
    content["models"]["lora"]["metrics"]["margin"]["value"] = round(value + 0.5, 6)
    path.write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "baseline.json").write_text("not ours", encoding="utf-8")
    changed = update_baseline(tiny_run, tmp_path, None)
    assert [f"models.lora.metrics.margin.value: {round(value + 0.5, 6)} -> {value}"] == changed
    assert good == path.read_bytes()
    assert "not ours" == (tmp_path / "other" / "baseline.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(("model", "metric"), [("lora", "spearman"), ("standard", "margin"), ("base", "auc_roc")])
def test_a_stored_value_made_better_by_hand_breaks_exactly_its_own_promise(
    rerun: Any, stored: tuple[Path, list[str]], model: str, metric: str
) -> None:
    content = json.loads(stored[0].read_bytes())
    entry = content["models"][model]["metrics"][metric]
    entry["value"] += entry["tolerance"] + 0.1
    baseline = type(read_baseline(stored[0])).model_validate(content)
    [message] = broken(rerun(baseline))
    assert message.startswith(f"{model} {metric} ")
    assert "worse by " in message


@pytest.mark.parametrize("category", [None, "other"])
def test_a_regression_names_the_three_worst_pairs_and_counts_the_rest(
    rerun: Any, stored: tuple[Path, list[str]], tiny_run: CaseRun, category: str | None
) -> None:
    content = json.loads(stored[0].read_bytes())
    model = content["models"]["lora"]
    (model["categories"][category] if category else model["metrics"])["margin"]["tolerance"] = 0
    untrained = dataclasses.replace(tiny_run.model("base"), name="lora")
    run = rerun(Baseline.model_validate(content), lora=untrained)
    verdict = (
        promises.category_holds(run, "lora", category, "margin")
        if category
        else promises.metric_holds(run, "lora", "margin")
    )
    lost = [flip for flip in run.uncertainty("lora").lost if category in (None, flip.category)]
    pairs = verdict.message.partition(NOW_WRONG)[2].split("; ")
    assert 3 == len(pairs)
    for flip, words in zip(lost, pairs, strict=False):
        pair = run.inputs.eval.pairs[flip.row]
        assert words.startswith(f"{pair.text_1!r} and {pair.text_2!r} ({pair.pair_type}, label {pair.label}, score ")
    assert pairs[-1].endswith(f" and {len(lost) - 3} more")


def test_without_a_baseline_every_comparison_fails_and_says_so(rerun: Any) -> None:
    messages = broken(rerun(None))
    assert 1 + 3 * len(METRICS) + 3 * 2 * len(CATEGORY_METRICS) == len(messages)
    assert [] == [message for message in messages if "not comparable: no baseline is stored" not in message]


def test_with_other_evaluation_pairs_nothing_is_comparable(
    rerun: Any, stored: tuple[Path, list[str]], tmp_path: Path
) -> None:
    run = rerun(read_baseline(stored[0]))
    changed = tmp_path / "eval.jsonl"
    changed.write_bytes(run.case.eval_path.read_bytes().replace(b", ", b",  ", 1))
    inputs = dataclasses.replace(run.inputs, eval=read_pairs(changed))
    other = CaseRun(run.work, inputs, run.baseline, {name: run.model(name) for name in MODELS})
    for verdict in (promises.baseline_is_comparable(other), promises.metric_holds(other, "lora", "spearman")):
        assert "fail" == verdict.verdict
        assert "not comparable: the evaluation pairs are others: stored 84 pairs" in verdict.message


def test_with_another_base_nothing_is_comparable(rerun: Any, stored: tuple[Path, list[str]]) -> None:
    run = rerun(read_baseline(stored[0]))
    inputs = dataclasses.replace(run.inputs, base=dataclasses.replace(run.inputs.base, digest="0" * 64))
    other = CaseRun(run.work, inputs, run.baseline, {name: run.model(name) for name in MODELS})
    for verdict in (promises.baseline_is_comparable(other), promises.metric_holds(other, "base", "margin")):
        assert "fail" == verdict.verdict
        assert "not comparable: the base is another" in verdict.message


def test_a_category_that_is_compared_no_more_is_named(rerun: Any, stored: tuple[Path, list[str]]) -> None:
    run = rerun(read_baseline(stored[0]), gates={"category_pairs": 7})
    assert ("other",) == run.inputs.compared_categories
    verdict = promises.baseline_is_comparable(run)
    assert "fail" == verdict.verdict
    assert "animals" in verdict.message


# --- the hard promises ------------------------------------------------------------------------------------------------


def test_the_hard_promises_of_a_good_run_hold(rerun: Any) -> None:
    verdicts = hard_verdicts(rerun())
    assert [] == [verdict.message for verdict in verdicts if verdict.verdict != "pass"]
    counted = {name: sum(verdict.name == name for verdict in verdicts) for name in {v.name for v in verdicts}}
    assert {"audit": len(CHECKS), "share": 1, "beats_base": 8, "diverges": 2, "merge_agrees": 1, "memory": 5} == counted


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ({"divergence": 1.9}, "lora on eval: mean cosine distance"),
        ({"merge_agreement": 1.1}, "lora merged and unmerged: least cosine"),
    ],
    ids=["divergence", "merge"],
)
def test_a_limit_that_is_not_kept_breaks_its_promise(rerun: Any, gates: dict[str, Any], said: str) -> None:
    messages = [verdict.message for verdict in hard_verdicts(rerun(gates=gates)) if verdict.verdict == "fail"]
    assert [message for message in messages if message.startswith(said)]


def one_megabyte(run: CaseRun) -> dict[str, Any]:
    memory = run.case.gates.memory_mb
    return {"memory_mb": memory.model_copy(update={"train": {**memory.train, "lora": 1.0}})}


def test_a_broken_hard_promise_refuses_the_update_and_leaves_the_file(
    rerun: Any, tiny_run: CaseRun, stored: tuple[Path, list[str]]
) -> None:
    path, _ = stored
    before, written = path.read_bytes(), path.stat().st_mtime_ns
    with pytest.raises(BaselineError) as caught:
        update_baseline(rerun(gates=one_megabyte(tiny_run)), path.parent.parent, None)
    first, *rest = str(caught.value).splitlines()
    assert f"{path}: not updated, hard gates of case tiny failed:" == first
    assert 1 == len(rest)
    assert rest[0].startswith("  train lora: peak ")
    assert rest[0].endswith(" MB, ceiling 1 MB: too much")
    assert (before, written) == (path.read_bytes(), path.stat().st_mtime_ns)


def test_a_broken_hard_promise_writes_no_first_baseline(rerun: Any, tiny_run: CaseRun, tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="not updated"):
        update_baseline(rerun(gates=one_megabyte(tiny_run)), tmp_path, None)
    assert [] == list(tmp_path.iterdir())


def test_an_adapter_that_was_not_applied_breaks_every_promise_about_it(
    rerun: Any, tiny_run: CaseRun, tmp_path: Path
) -> None:
    base, lora = tiny_run.model("base"), tiny_run.model("lora")
    arrays = {**base.arrays, "unmerged_probes": base.arrays["probes"]}
    run = rerun(lora=dataclasses.replace(lora, evaluation=base.evaluation, arrays=arrays))
    failed = {(verdict.name, verdict.metric) for verdict in hard_verdicts(run) if verdict.verdict == "fail"}
    assert {
        ("share", "spearman"),
        *(("beats_base", metric) for metric in run.case.gates.beats_base),
        ("diverges", "eval"),
        ("diverges", "probes"),
    } == failed
    with pytest.raises(BaselineError, match="the output is the base's: was the adapter applied"):
        update_baseline(run, tmp_path, None)


def test_an_undefined_value_refuses_the_update(rerun: Any, tiny_run: CaseRun, tmp_path: Path) -> None:
    base = tiny_run.model("base")
    metrics = {**base.evaluation.metrics, "cluster_purity": MetricResult(float("nan"), "all pairs are noise")}
    run = rerun(base=dataclasses.replace(base, evaluation=dataclasses.replace(base.evaluation, metrics=metrics)))
    with pytest.raises(BaselineError, match="base metric cluster_purity is undefined and cannot be stored"):
        update_baseline(run, tmp_path, None)
    assert [] == list(tmp_path.iterdir())


def test_a_baseline_that_cannot_be_read_is_not_overwritten(tiny_run: CaseRun, tmp_path: Path) -> None:
    path = baseline_path(tmp_path, tiny_run.case)
    path.parent.mkdir()
    path.write_bytes(b"<<<<<<< HEAD")
    with pytest.raises(BaselineError, match="not a baseline"):
        update_baseline(tiny_run, tmp_path, None)
    assert b"<<<<<<< HEAD" == path.read_bytes()


# --- the learning rate ------------------------------------------------------------------------------------------------


@pytest.fixture
def checked(rerun: Any) -> Callable[..., CaseRun]:
    """The measured case with a learning-rate check: ten times the rate of `standard` is that of `lora`."""

    def again(*, stalls_at_most: float = 0.1, learns_at_least: float = 0.5, **models: Any) -> CaseRun:
        check = LearningRateCheck(
            model="lora",
            of="standard",
            metric="spearman",
            stalls_at_most=stalls_at_most,
            learns_at_least=learns_at_least,
        )
        run = rerun(**models)
        case = run.case.model_copy(update={"learning_rate": check})
        return dataclasses.replace(run, inputs=dataclasses.replace(run.inputs, case=case))

    return again


def both_rates(run: CaseRun) -> list[Verdict]:
    [check] = PARAMETERS["rate_check"](run.inputs).values()
    return [promises.stalls(run, check), promises.learns(run, check)]


def test_the_adapter_is_trained_at_both_rates_and_judged_by_the_gain_it_recovers(
    checked: Any, tiny_run: CaseRun
) -> None:
    run = checked()
    assert (3e-3, 3e-2) == run.case.checked_rates
    base, standard = (tiny_run.model(name).evaluation.metrics["spearman"].value for name in ("base", "standard"))
    for rate, verdict in zip(run.case.checked_rates, both_rates(run), strict=True):
        trained = run_model(tiny_run.work, tiny_run.inputs, "lora", learning_rate=rate)
        assert rate == trained.inputs["train"]["recipe"]["learning_rate"]
        gain = (trained.evaluation.metrics["spearman"].value - base) / (standard - base)
        assert gain == pytest.approx(verdict.observed)
        assert " (95 % interval " in verdict.message


def test_at_its_own_rate_the_adapter_is_not_trained_again(
    checked: Any, tiny_run: CaseRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workplace, "run_stage", lambda *_, **__: pytest.fail("built again"))
    run = checked()
    assert promises.learns(run, run.case.learning_rate).observed > 0.5
    own = run.model("lora", learning_rate=run.case.checked_rates[1])
    assert tiny_run.model("lora").evaluation == own.evaluation


def test_where_full_fine_tuning_gained_nothing_no_rate_can_be_judged(checked: Any, tiny_run: CaseRun) -> None:
    untrained = dataclasses.replace(tiny_run.model("standard"), evaluation=tiny_run.model("base").evaluation)
    verdicts = both_rates(checked(standard=untrained))
    assert ["fail", "fail"] == [verdict.verdict for verdict in verdicts]
    assert all("standard gained nothing over the base" in verdict.message for verdict in verdicts)


@pytest.mark.parametrize(
    ("limits", "outcomes"),
    [
        ({"stalls_at_most": 0.3, "learns_at_least": 0.5}, ["pass", "pass"]),
        ({"stalls_at_most": 0.0, "learns_at_least": 0.5}, ["fail", "pass"]),
        ({"stalls_at_most": 0.3, "learns_at_least": 1.0}, ["pass", "fail"]),
    ],
    ids=["kept", "learns-too-early", "learns-too-little"],
)
def test_both_limits_are_the_cases(checked: Any, limits: dict[str, float], outcomes: list[str]) -> None:
    assert outcomes == [verdict.verdict for verdict in both_rates(checked(**limits))]


def test_a_run_on_a_candidate_trains_at_no_rate(checked: Any) -> None:
    inputs = checked().inputs
    assert ["lora-spearman"] == list(PARAMETERS["rate_check"](inputs))
    candidate = Candidate("lora", "lora", inputs.case.path.parent, "0" * 64)
    assert {} == PARAMETERS["rate_check"](dataclasses.replace(inputs, candidate=candidate))


def test_an_update_judges_no_rate(checked: Any, rerun: Any) -> None:
    assert [verdict.name for verdict in hard_verdicts(rerun())] == [
        verdict.name for verdict in hard_verdicts(checked())
    ]
    assert promises.expected_gates(rerun().inputs) + 2 == promises.expected_gates(checked().inputs)


# --- what a promise is about ------------------------------------------------------------------------------------------


def test_the_parameters_name_everything_that_is_promised(tiny_run: CaseRun) -> None:
    named = {name: list(values(tiny_run.inputs)) for name, values in PARAMETERS.items()}
    assert (["base", "standard", "lora"], ["standard", "lora"], ["lora"]) == (
        named["model"],
        named["trained"],
        named["adapter"],
    )
    assert list(METRICS) == named["metric"]
    assert list(CHECKS) == named["check"]
    assert ["spearman", "margin", "cohens_d", "auc_roc"] == named["gain"]
    assert [f"{c}-{m}" for c in ("animals", "other") for m in CATEGORY_METRICS] == named["category"]
    assert ["lora-of-standard-spearman"] == named["share"]
    assert ["base-encode", "standard-train", "standard-encode", "lora-train", "lora-encode"] == named["stage"]


def test_as_many_gates_are_expected_as_there_are(rerun: Any) -> None:
    assert len(every_verdict(rerun())) == promises.expected_gates(rerun().inputs)
