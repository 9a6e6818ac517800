"""A case is run stage by stage; what was made already is found, and only what is missing is made."""

from __future__ import annotations

import dataclasses
import json
import math
import multiprocessing
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import encoding, evaluation, operating, pipeline, uncertainty, workplace
from harness.calibration import provenance
from harness.case import read_case
from harness.checkpoints import resolve_base
from harness.errors import CaseError, CheckpointError, DataError, StageError, StoreError
from harness.evaluation import evaluate
from harness.inputs import prepare
from harness.metrics.operating import separating_threshold
from harness.pipeline import CaseRun, checkpoint, run_model, train_model
from harness.statistics import share_of
from harness.store import Store, file_digest
from harness.uncertainty import SEED
from harness.workplace import Workplace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.inputs import Inputs
    from harness.stages import StageResult

MODELS = ("base", "standard", "lora")


class BuiltError(Exception):
    """A stage was started."""


@pytest.fixture
def nothing_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(title: str, *_: Any, **__: Any) -> Any:
        raise BuiltError(title)

    monkeypatch.setattr(workplace, "run_stage", refuse)


@pytest.fixture
def store_copy(tiny_run: CaseRun, tmp_path: Path) -> Store:
    return Store(shutil.copytree(tiny_run.work.store.root, tmp_path / "store"))


def silent(*_: object) -> None: ...


def with_recipe(inputs: Inputs, model: str, **changes: Any) -> Inputs:
    models = {**inputs.case.models, model: inputs.case.models[model].model_copy(update=changes)}
    return dataclasses.replace(inputs, case=inputs.case.model_copy(update={"models": models}))


# --- preparing --------------------------------------------------------------------------------------------------------


def test_preparing_reads_the_pairs_and_verifies_the_base(tiny_inputs: Inputs, tiny_base_path: Path) -> None:
    assert ("tiny", tiny_base_path) == (tiny_inputs.case.name, tiny_inputs.base.path)
    assert (252, 84) == (len(tiny_inputs.train), len(tiny_inputs.eval))
    origin = tiny_inputs.origin
    assert (tiny_inputs.eval.digest, 84) == (origin.eval_sha256, origin.eval_pairs)
    assert ("tiny", tiny_inputs.base.digest) == (origin.base_name, origin.base_digest)


# --- the audit --------------------------------------------------------------------------------------------------------


def test_the_data_are_audited_once(tiny_inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Workplace(Store(tmp_path / "store"), silent)
    first = CaseRun(work, tiny_inputs, None).audit()
    assert (0, 0) == (first.findings["shared_pairs"].value, first.findings["truncated_texts"].value)
    monkeypatch.setattr(pipeline.audit, "audit", lambda _: pytest.fail("audited again"))
    assert first == CaseRun(work, tiny_inputs, None).audit()
    other = dataclasses.replace(tiny_inputs, train=dataclasses.replace(tiny_inputs.train, digest="0" * 64))
    with pytest.raises(pytest.fail.Exception, match="audited again"):
        CaseRun(work, other, None).audit()


def test_a_base_without_a_tokenizer_file_leaves_only_the_truncated_texts_open(
    tiny_inputs: Inputs, tmp_path: Path
) -> None:
    path = shutil.copytree(tiny_inputs.base.path, tmp_path / "base")
    (path / "tokenizer.json").unlink()
    inputs = dataclasses.replace(tiny_inputs, base=dataclasses.replace(tiny_inputs.base, path=path, digest="0" * 64))
    findings = CaseRun(Workplace(Store(tmp_path / "store"), silent), inputs, None).audit().findings
    assert ["truncated_texts"] == [name for name, finding in findings.items() if math.isnan(finding.value)]
    assert "tokenizer.json: no such file" in findings["truncated_texts"].reason


def test_files_with_one_name_are_told_apart_by_their_directories(tiny_inputs: Inputs, tmp_path: Path) -> None:
    train, evaluation = (
        dataclasses.replace(tiny_inputs.train, path=tmp_path / name / "pairs.jsonl") for name in ("train", "eval")
    )
    inputs = dataclasses.replace(tiny_inputs, train=train, eval=evaluation)
    findings = CaseRun(Workplace(Store(tmp_path / "store"), silent), inputs, None).audit().findings
    assert findings["shared_pairs"].examples[0].startswith("eval/pairs.jsonl:1 = train/pairs.jsonl:1: ")


def test_without_leaked_pairs_a_model_is_measured_on_the_rest(
    tiny_run: CaseRun, store_copy: Store, nothing_is_built: None
) -> None:
    work = Workplace(store_copy, silent)
    run = tiny_run.model("lora")
    free = pipeline.measure(work, run.embeddings, run.arrays["eval"], tiny_run.inputs.eval, without=(0, 5))
    assert run.evaluation.scores[1:5] + run.evaluation.scores[6:] == free.scores
    assert free.metrics["spearman"].value != run.evaluation.metrics["spearman"].value


def test_the_threshold_comes_from_the_training_pairs(
    tiny_run: CaseRun, store_copy: Store, nothing_is_built: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, inputs, run = Workplace(store_copy, silent), tiny_run.inputs, tiny_run.model("lora")
    known = encoding.pair_scores(run.arrays["train"], inputs.train.text_rows)
    expected = operating.operate(known, inputs.train, np.array(run.evaluation.scores), inputs.eval)
    assert expected == pipeline.measure_operating_point(work, inputs, run)
    monkeypatch.setattr(operating, "operate", None)  # it is in the store
    assert expected == pipeline.measure_operating_point(work, inputs, run)
    chosen = separating_threshold(known, inputs.train.labels).value
    assert (chosen, run.evaluation.metrics["best_f1"].value) == (expected.threshold, expected.apparent["f1"])


def test_a_model_is_measured_on_further_pairs(tiny_run: CaseRun, store_copy: Store, nothing_is_built: None) -> None:
    run, pairs = tiny_run.model("lora"), tiny_run.inputs.train
    found, sure = pipeline.measure_more(Workplace(store_copy, silent), run, "train", pairs)
    expected = evaluate(run.arrays["train"], pairs)
    assert evaluation.to_json(expected) == evaluation.to_json(found)  # NaN is not equal to itself
    assert uncertainty.to_json(uncertainty.measure(expected, pairs, None, ())) == uncertainty.to_json(sure)


def test_shares_come_back_from_the_store_as_they_were_computed(tiny_run: CaseRun, store_copy: Store) -> None:
    work, pairs = Workplace(store_copy, silent), tiny_run.inputs.eval
    runs = [tiny_run.model(name) for name in ("lora", "standard", "base")]
    first, again = (pipeline.measure_shares(work, tiny_run.inputs, *runs) for _ in range(2))
    assert repr(first) == repr(again)  # NaN is not equal to itself
    scores = [np.array(run.evaluation.scores) for run in runs]
    for name in ("spearman", "false_positives"):
        expected = share_of(*scores, pairs.labels, pairs.text_rows, metric=name, seed=SEED)
        assert repr(expected) == repr(first[name])


def test_the_compared_categories_have_enough_pairs_of_both_labels(tiny_inputs: Inputs) -> None:
    expected = {4: ("animals", "other"), 6: ("animals", "other"), 7: ("other",), 31: ()}
    for enough, names in expected.items():
        gates = tiny_inputs.case.gates.model_copy(update={"category_pairs": enough})
        case = tiny_inputs.case.model_copy(update={"gates": gates})
        assert names == dataclasses.replace(tiny_inputs, case=case).compared_categories


@pytest.mark.parametrize(("warmup", "fits"), [(31, True), (32, False), (1000, False)])
def test_a_warm_up_as_long_as_the_training_is_refused(
    write_case: Any, tiny_content: Any, tmp_path: Path, warmup: int, *, fits: bool
) -> None:
    content = tiny_content()
    content["models"]["standard"]["warmup_steps"] = warmup
    case = read_case(write_case(tmp_path / "tiny", content))
    if fits:
        prepare(case)
        return
    with pytest.raises(CaseError) as caught:
        prepare(case)
    assert (
        f"{case.path}: models.standard.warmup_steps: got {warmup}, expected fewer than the 32 steps of the training: "
        "the learning rate would never reach its peak"
    ) == str(caught.value)


@pytest.mark.parametrize("name", ["train", "eval"])
def test_a_bad_row_stops_the_run_before_any_model_is_touched(
    write_case: Any, tiny_content: Any, tmp_path: Path, name: str
) -> None:
    case = read_case(write_case(tmp_path / "tiny", tiny_content()))
    path = tmp_path / "tiny" / f"{name}.jsonl"
    with path.open("a", encoding="utf-8") as file:
        file.write("{}\n")
    with pytest.raises(DataError, match=rf"{name}\.jsonl:\d+: no field 'text_1'"):
        prepare(case)


def test_a_base_with_another_digest_stops_the_run(write_case: Any, tiny_content: Any, tmp_path: Path) -> None:
    content = tiny_content()
    content["base"]["sha256"] = {"model.safetensors": "0" * 64}
    case = read_case(write_case(tmp_path / "tiny", content))
    with pytest.raises(CheckpointError, match="not the model that the case names"):
        prepare(case)


# --- the whole way ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_each_model_is_measured(tiny_run: CaseRun, name: str) -> None:
    run = tiny_run.model(name)
    assert name == run.name
    assert [] == [metric for metric, result in run.evaluation.metrics.items() if math.isnan(result.value)]
    assert 84 == len(run.evaluation.scores)
    assert {"animals", "other"} == set(run.evaluation.categories)
    assert (len(tiny_run.inputs.eval.texts), 32) == run.arrays["eval"].shape
    assert (name == "lora") == ("unmerged_probes" in run.arrays)
    assert (name == "base") == (run.training is None)


def test_what_each_stage_cost_is_kept(tiny_run: CaseRun) -> None:
    for name in MODELS:
        run = tiny_run.model(name)
        for facts in filter(None, (run.training, run.encoding)):
            assert facts["seconds"] > 0
            assert 50 < facts["peak_rss_mb"] < 4000


def test_training_helps_on_the_pairs_that_were_held_out(tiny_run: CaseRun) -> None:
    base, standard, lora = (tiny_run.model(name).evaluation.metrics["spearman"].value for name in MODELS)
    assert base < 0.2
    assert min(standard, lora) > base + 0.2


def test_the_curve_ends_where_the_evaluation_begins(tiny_run: CaseRun) -> None:
    for name in ("standard", "lora"):
        run = tiny_run.model(name)
        assert run.training is not None
        measured = run.evaluation.metrics["spearman"].value
        assert run.training["curve"][-1]["spearman"] == pytest.approx(measured, abs=0.005)


@pytest.mark.parametrize("name", MODELS)
def test_the_scores_are_the_cosines_of_the_kept_embeddings(tiny_run: CaseRun, name: str) -> None:
    run, pairs = tiny_run.model(name), tiny_run.inputs.eval
    row = {text: index for index, text in enumerate(pairs.texts)}
    unit = run.arrays["eval"] / np.linalg.norm(run.arrays["eval"], axis=1, keepdims=True)
    expected = [float(unit[row[pair.text_1]] @ unit[row[pair.text_2]]) for pair in pairs]
    np.testing.assert_allclose(expected, run.evaluation.scores, atol=1e-6)


@pytest.mark.usefixtures("nothing_is_built")
def test_a_second_run_builds_nothing_and_finds_the_same(tiny_run: CaseRun) -> None:
    again = CaseRun(tiny_run.work, tiny_run.inputs, None)
    for name in MODELS:
        assert tiny_run.model(name).evaluation == again.model(name).evaluation
        assert tiny_run.model(name).inputs == again.model(name).inputs


@pytest.mark.usefixtures("nothing_is_built")
def test_a_read_only_store_serves_a_finished_run(tiny_run: CaseRun) -> None:
    work = Workplace(Store(tiny_run.work.store.root, read_only=True), silent)
    for name in MODELS:
        assert tiny_run.model(name).evaluation == run_model(work, tiny_run.inputs, name).evaluation


@pytest.mark.usefixtures("nothing_is_built")
def test_gates_and_tolerances_and_the_other_recipe_decide_no_model(tiny_run: CaseRun) -> None:
    inputs = with_recipe(tiny_run.inputs, "lora", seed=99)
    gates = inputs.case.gates.model_copy(update={"category_pairs": 99})
    inputs = dataclasses.replace(inputs, case=inputs.case.model_copy(update={"gates": gates, "description": "other"}))
    assert tiny_run.model("standard").evaluation == run_model(tiny_run.work, inputs, "standard").evaluation


DECIDING: dict[str, Callable[[Inputs], Inputs]] = {
    "seed": lambda inputs: with_recipe(inputs, "standard", seed=99),
    "learning-rate": lambda inputs: with_recipe(inputs, "standard", learning_rate=1e-4),
    "precision": lambda inputs: with_recipe(inputs, "standard", precision="bf16"),
    "train-pairs": lambda inputs: dataclasses.replace(inputs, train=dataclasses.replace(inputs.train, digest="0" * 64)),
    "eval-pairs": lambda inputs: dataclasses.replace(inputs, eval=dataclasses.replace(inputs.eval, digest="0" * 64)),
    "base": lambda inputs: dataclasses.replace(inputs, base=dataclasses.replace(inputs.base, digest="0" * 64)),
}


@pytest.mark.usefixtures("nothing_is_built")
@pytest.mark.parametrize("change", DECIDING.values(), ids=DECIDING)
def test_whatever_decides_a_model_trains_it_again(tiny_run: CaseRun, change: Callable[[Inputs], Inputs]) -> None:
    with pytest.raises(BuiltError, match=r"^train tiny-standard$"):
        run_model(tiny_run.work, change(tiny_run.inputs), "standard")


@pytest.mark.usefixtures("nothing_is_built")
def test_another_schema_trains_again(tiny_run: CaseRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.training, "SCHEMA", 10_000)
    with pytest.raises(BuiltError, match=r"^train tiny-lora$"):
        run_model(tiny_run.work, tiny_run.inputs, "lora")


@pytest.mark.usefixtures("nothing_is_built")
def test_another_way_to_open_models_encodes_again(tiny_run: CaseRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "source_digest", lambda *_: "edited")
    with pytest.raises(BuiltError, match=r"^encode tiny-lora$"):
        run_model(tiny_run.work, tiny_run.inputs, "lora")


@pytest.mark.usefixtures("nothing_is_built")
def test_a_damaged_model_is_found_out_though_all_about_it_was_measured_before(
    tiny_run: CaseRun, store_copy: Store
) -> None:
    work = Workplace(store_copy, silent)
    adapter = train_model(work, tiny_run.inputs, "lora").path / "adapter_model.safetensors"
    adapter.write_bytes(adapter.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"damaged artefact: .*adapter_model\.safetensors"):
        run_model(work, tiny_run.inputs, "lora")


@pytest.mark.usefixtures("nothing_is_built")
def test_a_changed_model_is_measured_again_though_its_manifest_was_changed_with_it(
    tiny_run: CaseRun, store_copy: Store
) -> None:
    work = Workplace(store_copy, silent)
    trained = train_model(work, tiny_run.inputs, "lora")
    adapter = trained.path / "adapter_model.safetensors"
    adapter.write_bytes(adapter.read_bytes() + b" ")
    manifest = trained.path / "manifest.json"
    content = manifest.read_text(encoding="utf-8")
    manifest.write_text(content.replace(trained.files[adapter.name], file_digest(adapter)), encoding="utf-8")
    with pytest.raises(BuiltError, match=r"^encode tiny-lora$"):
        run_model(work, tiny_run.inputs, "lora")


@pytest.mark.usefixtures("nothing_is_built")
def test_another_version_of_a_library_builds_again(tiny_run: CaseRun, monkeypatch: pytest.MonkeyPatch) -> None:
    real = workplace.version
    monkeypatch.setattr(workplace, "version", lambda name: "99.0" if name == "torch" else real(name))
    with pytest.raises(BuiltError, match=r"^train tiny-standard$"):
        run_model(tiny_run.work, tiny_run.inputs, "standard")


@pytest.mark.usefixtures("nothing_is_built")
def test_the_recipes_own_seed_is_no_other_model(tiny_run: CaseRun) -> None:
    assert train_model(tiny_run.work, tiny_run.inputs, "lora").key == (
        train_model(tiny_run.work, tiny_run.inputs, "lora", seed=1).key
    )
    with pytest.raises(BuiltError, match=r"^train tiny-lora \(seed 77\)$"):
        train_model(tiny_run.work, tiny_run.inputs, "lora", seed=77)


def test_without_its_store_a_run_comes_to_the_same(tiny_run: CaseRun, tmp_path: Path) -> None:
    work = Workplace(Store(tmp_path / "store"), silent)
    again = CaseRun(work, prepare(tiny_run.case), None)
    for name in MODELS:
        assert tiny_run.model(name).evaluation == again.model(name).evaluation
        np.testing.assert_array_equal(tiny_run.model(name).arrays["eval"], again.model(name).arrays["eval"])
    for name in ("standard", "lora"):
        first, second = (train_model(run.work, run.inputs, name) for run in (tiny_run, again))
        assert (first.key, first.files) == (second.key, second.files)


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_model_that_fails_fails_again_without_another_try(
    tiny_run: CaseRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def fail(title: str, *_: Any, **__: Any) -> StageResult:
        started.append(title)
        raise StageError(f"{title}: failed in its process")

    monkeypatch.setattr(workplace, "run_stage", fail)
    run = CaseRun(Workplace(Store(tmp_path / "store"), silent), tiny_run.inputs, None)
    for _ in range(3):
        with pytest.raises(StageError, match=r"^train tiny-standard: failed in its process$"):
            run.model("standard")
    assert ["train tiny-standard"] == started
    with pytest.raises(StageError, match=r"^encode tiny-base"):
        run.model("base")


def test_an_error_in_the_stage_itself_reaches_the_caller(tiny_run: CaseRun, tmp_path: Path) -> None:
    inputs = with_recipe(tiny_run.inputs, "lora")
    recipe = inputs.case.models["lora"]
    assert recipe.lora is not None
    impossible = recipe.lora.model_copy(update={"target_modules": ["no_such_layer"]})
    inputs = with_recipe(inputs, "lora", lora=impossible)
    store = Store(tmp_path / "store")
    with pytest.raises(StageError, match=r"(?s)^train tiny-lora: failed in its process\n.*no_such_layer"):
        run_model(Workplace(store, silent), inputs, "lora")
    assert not (store.root / "model").exists()


def test_after_a_stage_was_killed_only_what_is_missing_is_made(store_copy: Store, tiny_run: CaseRun) -> None:
    inputs = with_recipe(tiny_run.inputs, "standard", seed=5)
    before = sorted(path.name for path in store_copy.root.glob("*/*"))

    def kill(*_: object) -> None:
        for child in multiprocessing.active_children():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(StageError, match=r"^train tiny-standard: its process was killed by SIGKILL.*run again"):
        run_model(Workplace(store_copy, kill), inputs, "standard")
    assert before == sorted(
        path.name for path in store_copy.root.glob("*/*") if not path.is_relative_to(store_copy.root / "building")
    )
    titles = set()
    again = CaseRun(Workplace(store_copy, lambda title, *_: titles.add(title)), inputs, None)
    for name in MODELS:
        again.model(name)
    assert {"train tiny-standard", "encode tiny-standard"} == titles
    assert not (store_copy.root / "building").exists()


def test_a_damaged_model_in_the_store_is_never_encoded(store_copy: Store, tiny_run: CaseRun) -> None:
    work = Workplace(store_copy, silent)
    trained = train_model(work, tiny_run.inputs, "standard")
    with (trained.path / "model.safetensors").open("r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    shutil.rmtree(store_copy.root / "embeddings")
    with pytest.raises(StoreError, match=r"damaged artefact: .*model\.safetensors has sha256"):
        run_model(work, tiny_run.inputs, "standard")
    with pytest.raises(StoreError, match="damaged artefact"):
        checkpoint(tiny_run.inputs, "standard", trained)


def test_damaged_embeddings_are_never_measured(store_copy: Store, tiny_run: CaseRun) -> None:
    for path in store_copy.root.glob("embeddings/*/embeddings.safetensors"):
        path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(StoreError, match=r"damaged artefact: .*embeddings\.safetensors has sha256"):
        run_model(Workplace(store_copy, silent), tiny_run.inputs, "base")


# --- what is stored about a run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_the_provenance_says_from_what_and_where(tiny_run: CaseRun, name: str) -> None:
    said = provenance(tiny_run.model(name))
    assert said == json.loads(json.dumps(said, allow_nan=False))
    assert {"train": None if name == "base" else "fp32", "encode": "fp32"} == said["precision"]
    assert "cpu" == said["device"]
    assert "Python 3." in said["machine"]
    assert {"torch", "transformers", "sentence-transformers", "peft"} <= set(said["inputs"]["encode"]["libraries"])
    if name != "base":
        assert tiny_run.case.models[name].model_dump(mode="json") == said["inputs"]["train"]["recipe"]
        assert tiny_run.inputs.base.digest == said["inputs"]["train"]["base"]


def test_the_base_is_resolved_the_same_each_time(tiny_inputs: Inputs) -> None:
    assert tiny_inputs.base == resolve_base(tiny_inputs.case.base, tiny_inputs.case.path.parent)


def test_a_target_that_the_base_does_not_have_is_named(tmp_path: Path, write_case: Any, tiny_content: Any) -> None:
    content = tiny_content()
    content["models"]["lora"]["lora"]["target_modules"] = ["query", "q_proj"]
    case = read_case(write_case(tmp_path / "tiny", content))
    with pytest.raises(CaseError, match=r"models\.lora\.lora\.target_modules: got q_proj, expected .*query"):
        prepare(case)
