"""A case is run step by step; what was made already is found, and only what is missing is made."""

import dataclasses
import math
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable

import numpy as np
import pytest

from harness.analyses.operating_point import OPERATING_POINT, operating_point
from harness.baselines import comparable
from harness.errors import BaselineError, CaseError, NotBuiltError, StageError, StoreError
from harness.execution import Context, InlineExecutor, Store
from harness.metrics.cosine import pair_scores
from harness.run import CaseRun, Inputs, update_baseline
from harness.run.calibration import provenance

MODELS = ("base", "standard", "lora")


class BuiltError(Exception):
    """A step that needs a process was started."""


class Refusing(InlineExecutor):
    """Runs what needs no process of its own."""

    def run(self, step, title, *arguments):
        if step.resource.process:
            raise BuiltError(title)
        return super().run(step, title, *arguments)


@pytest.fixture
def rerun(tiny_run):
    """A fresh run on the same store, or another one, in which no model can be trained or encoded."""

    def again(inputs=tiny_run.inputs, store=tiny_run.ctx.store):
        return CaseRun(Context(store, Refusing()), inputs, comparable(None, inputs.origin))

    return again


@pytest.fixture
def store_copy(tiny_run, tmp_path):
    return Store(shutil.copytree(tiny_run.ctx.store.root, tmp_path / "store"))


def with_recipe(inputs, model, **changes):
    models = {**inputs.case.models, model: inputs.case.models[model].changed(**changes)}
    return dataclasses.replace(inputs, case=inputs.case.model_copy(update={"models": models}))


# --- the whole way ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_each_model_is_measured(tiny_run, name):
    evaluation, arrays, pairs = tiny_run.evaluation(name), tiny_run.embeddings(name), tiny_run.inputs.eval
    assert [] == [metric for metric, result in evaluation.metrics.items() if math.isnan(result.value)]
    assert set(evaluation.categories) == {"animals", "other"}
    assert arrays["eval"].shape == (len(pairs.texts), 32)
    assert (name == "lora") == ("unmerged_probes" in arrays)
    assert (name == "base") == (tiny_run.training(name) is None)
    row = {text: index for index, text in enumerate(pairs.texts)}
    unit = arrays["eval"] / np.linalg.norm(arrays["eval"], axis=1, keepdims=True)
    expected = [float(unit[row[pair.text_1]] @ unit[row[pair.text_2]]) for pair in pairs]
    np.testing.assert_allclose(expected, evaluation.scores, atol=1e-6)


def test_what_each_stage_cost_is_kept(tiny_run):
    for model, stage in (("base", "encode"), ("standard", "train"), ("lora", "train"), ("lora", "encode")):
        cost = tiny_run.cost(model, stage)
        assert cost.seconds > 0
        assert 50 < (cost.peak_rss_mb or 0) < 4000


def test_training_helps_on_the_pairs_that_were_held_out(tiny_run):
    base, standard, lora = (tiny_run.evaluation(name).metrics["spearman"].value for name in MODELS)
    assert base < 0.2
    assert min(standard, lora) > base + 0.2


def test_no_evaluation_pair_is_in_the_key_of_a_training(tiny_run):
    other = dataclasses.replace(tiny_run.inputs.eval, digest="0" * 64)
    inputs, ctx = dataclasses.replace(tiny_run.inputs, eval=other), tiny_run.ctx.lookup_only()
    for name in ("standard", "lora"):
        known = dataclasses.replace(tiny_run, inputs=inputs, ctx=ctx).training(name)
        assert known.key == tiny_run.training(name).key


@pytest.mark.parametrize("warn", [[], ["label_balance"]])
def test_a_check_that_only_warns_keeps_no_baseline_from_being_stored(tiny_run, tmp_path, warn):
    case = tiny_run.inputs.case
    audit = case.audit.model_copy(update={"label_balance": 0.5, "warn": warn})
    memory = case.gates.memory_mb.model_copy(update={"encode": 1.0})
    gates = case.gates.model_copy(update={"memory_mb": memory})
    inputs = dataclasses.replace(tiny_run.inputs, case=case.model_copy(update={"audit": audit, "gates": gates}))
    with pytest.raises(BaselineError) as caught:
        update_baseline(dataclasses.replace(tiny_run, inputs=inputs), tmp_path / "baseline.json", None)
    _, *broken = map(str.strip, str(caught.value).splitlines())
    assert (not warn) == broken[0].startswith("More frequent label: 57.14%, limit 50.00%: above")
    assert ["encode base", "encode standard", "encode lora"] == [
        line.split(":")[0] for line in broken[len(broken) - 3 :]
    ]
    assert len(broken) == 3 + (not warn)


# --- analyses ---------------------------------------------------------------------------------------------------------


def test_the_audit_counts_word_pieces_where_the_base_has_a_tokenizer(tiny_inputs, tmp_path, rerun):
    first = rerun(store=Store(tmp_path / "store")).audit()
    assert (first.findings["shared_pairs"].value, first.findings["truncated_texts"].value) == (0, 0)
    path = shutil.copytree(tiny_inputs.base.path, tmp_path / "base")
    (path / "tokenizer.json").unlink()
    base = dataclasses.replace(tiny_inputs.base, path=path, digest="0" * 64)
    findings = rerun(dataclasses.replace(tiny_inputs, base=base), Store(tmp_path / "store")).audit().findings
    assert [name for name, finding in findings.items() if math.isnan(finding.value)] == ["truncated_texts"]
    assert "tokenizer.json: no such file" in findings["truncated_texts"].reason


def test_the_threshold_comes_from_the_training_pairs(tiny_run, rerun):
    inputs, arrays = tiny_run.inputs, tiny_run.embeddings("lora")
    train, scores = (
        pair_scores(arrays[name], pairs.text_rows) for name, pairs in (("train", inputs.train), ("eval", inputs.eval))
    )
    found = rerun().analysis(OPERATING_POINT, "lora")
    assert found == operating_point(train, inputs.train, scores, inputs.eval, chosen_on="train")
    assert found.apparent["f1"] == tiny_run.evaluation("lora").metrics["best_f1"].value


def test_thresholds_come_from_dev_pairs_where_there_are_any_and_training_texts_are_then_not_encoded(tiny_inputs):
    assert ["train", "eval"] == list(tiny_inputs.pair_sets)
    assert ["dev", "eval"] == list(dataclasses.replace(tiny_inputs, dev=tiny_inputs.train).pair_sets)
    assert ["eval"] == list(dataclasses.replace(tiny_inputs, train=None).pair_sets)


def test_relative_performance_is_of_the_measured_values(tiny_run):
    found = tiny_run.relative_performance("lora", "standard", "spearman")
    base, standard, lora = (tiny_run.evaluation(name).metrics["spearman"].value for name in MODELS)
    assert found.ratio == pytest.approx(lora / standard)
    assert found.gap_recovered == pytest.approx((lora - base) / (standard - base))
    assert found.interval.low < found.ratio < found.interval.high


def test_at_its_own_rate_a_model_is_not_trained_again(tiny_run, rerun):
    """Under a changed recipe fewer texts are encoded; one that says what the case says anyway is none."""
    own = tiny_run.inputs.case.models["lora"].learning_rate
    assert rerun().evaluation("lora", learning_rate=own) == tiny_run.evaluation("lora")


# --- the store --------------------------------------------------------------------------------------------------------


def test_a_second_run_builds_nothing_and_finds_the_same(tiny_run, rerun):
    again = rerun()
    for name in MODELS:
        assert tiny_run.evaluation(name) == again.evaluation(name)


def test_gates_and_tolerances_and_the_other_recipe_decide_no_model(tiny_run, rerun):
    inputs = with_recipe(tiny_run.inputs, "lora", seed=99)
    gates = inputs.case.gates.model_copy(update={"category_pairs": 99})
    inputs = dataclasses.replace(inputs, case=inputs.case.model_copy(update={"gates": gates, "description": "other"}))
    assert rerun(inputs).evaluation("standard") == tiny_run.evaluation("standard")


DECIDING: dict[str, Callable[[Inputs], Inputs]] = {
    "seed": lambda inputs: with_recipe(inputs, "standard", seed=99),
    "precision": lambda inputs: with_recipe(inputs, "standard", precision="bf16"),
    "train-pairs": lambda inputs: dataclasses.replace(inputs, train=dataclasses.replace(inputs.train, digest="0" * 64)),
    "base": lambda inputs: dataclasses.replace(inputs, base=dataclasses.replace(inputs.base, digest="0" * 64)),
}


@pytest.mark.parametrize("change", DECIDING.values(), ids=DECIDING)
def test_whatever_decides_a_model_trains_it_again(tiny_run, rerun, change):
    with pytest.raises(BuiltError, match=r"^train tiny-standard$"):
        rerun(change(tiny_run.inputs)).evaluation("standard")


def test_a_recipe_is_changed_through_validation(rerun):
    with pytest.raises(CaseError, match="precision"):
        rerun().evaluation("lora", precision="fp16")


def test_what_was_never_built_is_only_looked_up(rerun, tmp_path):
    run = rerun(store=Store(tmp_path / "store"))
    with pytest.raises(NotBuiltError, match=r"^train tiny-lora: not built$"):
        dataclasses.replace(run, ctx=run.ctx.lookup_only()).evaluation("lora")


def test_a_damaged_model_is_found_out_though_all_about_it_was_measured_before(tiny_run, rerun, store_copy):
    trained = rerun(store=store_copy).training("lora")
    assert trained is not None
    adapter = trained.path / "adapter_model.safetensors"
    adapter.write_bytes(adapter.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"damaged artefact: .*adapter_model\.safetensors"):
        rerun(store=store_copy).evaluation("lora")


def test_damaged_embeddings_are_never_measured(rerun, store_copy):
    path = rerun(store=store_copy).encoding("lora").path / "embeddings.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    shutil.rmtree(store_copy.root / "evaluation")
    with pytest.raises(StoreError, match=r"damaged artefact: .*embeddings\.safetensors"):
        rerun(store=store_copy).evaluation("lora")


def test_after_a_stage_was_killed_only_what_is_missing_is_made(tiny_run, context_at, tmp_path):
    root = shutil.copytree(tiny_run.ctx.store.root, tmp_path / "store")
    inputs = with_recipe(tiny_run.inputs, "lora", seed=7)
    ctx = context_at(root)
    told: list[str] = []

    def kill(title, share, _note):
        told.append(title)
        if title == "train tiny-lora" and share > 0:
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGKILL)

    run = CaseRun(dataclasses.replace(ctx, progress=kill), inputs, tiny_run.stored)
    with pytest.raises(StageError, match=r"train tiny-lora: its process was killed by SIGKILL; .*Nothing was stored"):
        run.evaluation("lora")
    assert run.evaluation("standard") == tiny_run.evaluation("standard")
    assert {title for title in told if title.startswith("train")} == {"train tiny-lora"}
    again = CaseRun(context_at(root), inputs, tiny_run.stored)
    assert again.evaluation("lora").scores != tiny_run.evaluation("lora").scores


# --- provenance -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_the_provenance_says_from_what_and_where(tiny_run, name):
    found = provenance(tiny_run, name)
    assert set(found["encode"]["libraries"]) >= {"torch", "sentence-transformers"}
    assert found["precision"] == {"train": None if name == "base" else "fp32", "encode": "fp32"}
    assert "Python" in found["machine"]
    if name != "base":
        assert found["train"]["recipe"]["seed"] == 1
        assert found["train"]["train_pairs"] == tiny_run.inputs.train.digest
