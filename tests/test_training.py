"""A recipe makes the same weights from the same seed, and leaves beside them what proves them later."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness import encoding, training
from harness.case import LOSSES, Recipe, read_case
from harness.checkpoints import (
    PROBE_TEXTS,
    Checkpoint,
    open_checkpoint,
    parameter_counts,
    resolve_base,
)
from harness.checkpoints.record import ARRAYS, RECORD
from harness.errors import CaseError, CheckpointError, DataError, HarnessError
from harness.metrics.ranking import spearman

if TYPE_CHECKING:
    from pathlib import Path

STRATEGY = {"standard": "full", "lora": "lora"}
WEIGHTS = {"standard": "model.safetensors", "lora": "adapter_model.safetensors"}
BOTH = pytest.mark.parametrize("model", ["standard", "lora"])


@pytest.fixture(scope="module", params=["standard", "lora"])
def trained(request: pytest.FixtureRequest, train_tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The name of a model, its directory, the facts, and the progress that was reported."""
    out, said = tmp_path_factory.mktemp("trained") / request.param, []
    facts = train_tiny(request.param, out, progress=lambda *message: said.append(message))
    return request.param, out, facts, said


def test_the_facts_are_json_and_say_what_was_done(trained: Any, tiny_inputs: Any) -> None:
    model, _, facts, _ = trained
    assert facts == json.loads(json.dumps(facts, allow_nan=False))
    trainable = {"standard": 23744, "lora": 2 * 2 * (4 * 32 + 32 * 4)}[model]
    assert {"total": 23744 + (trainable if model == "lora" else 0), "trainable": trainable} == facts["parameters"]
    assert 2 * math.ceil(len(tiny_inputs.train) / 16) == facts["steps"]
    assert ("fp32", "cpu") == (facts["precision"], facts["device"])
    assert 0 < facts["train_seconds"] < 30


def test_the_curve_has_a_point_for_each_epoch(trained: Any, tiny_inputs: Any) -> None:
    model, out, facts, _ = trained
    assert [1, 2] == [point["epoch"] for point in facts["curve"]]
    assert {"epoch", "loss", "spearman"} == set(facts["curve"][0])
    assert facts["curve"][1]["loss"] < facts["curve"][0]["loss"]
    opened = open_checkpoint(Checkpoint(STRATEGY[model], tiny_inputs.base, out))
    scores = encoding.pair_scores(encoding.embed(opened, tiny_inputs.eval.texts), tiny_inputs.eval.text_rows)
    final = spearman(scores, tiny_inputs.eval.labels).value
    assert final == pytest.approx(facts["curve"][-1]["spearman"], abs=0.005)


def test_progress_is_reported_at_each_step(trained: Any) -> None:
    _, _, facts, said = trained
    steps = facts["steps"]
    assert [(number + 1) / steps for number in range(steps)] == [share for share, _ in said]
    assert f"epoch 1/2, step 1/{steps}" == said[0][1]
    assert f"epoch 2/2, step {steps}/{steps}" == said[-1][1]


def test_weights_and_record_and_probes_are_saved_and_nothing_half(trained: Any) -> None:
    model, out, _, _ = trained
    names = {path.name for path in out.iterdir()}
    assert {WEIGHTS[model], RECORD, ARRAYS, "modules.json"} <= names
    assert not {"model.safetensors" if model == "lora" else "adapter_model.safetensors", "README.md"} & names
    assert not [path for path in out.rglob("*") if path.suffix in {".bin", ".pt", ".pth"}]


def test_the_probes_are_those_of_the_saved_model(trained: Any, tiny_inputs: Any) -> None:
    model, out, _, _ = trained
    recorded = load_file(out / ARRAYS)["probes"]
    assert ((12, 32), np.dtype(np.float32)) == (recorded.shape, recorded.dtype)
    opened = open_checkpoint(Checkpoint(STRATEGY[model], tiny_inputs.base, out))
    assert encoding.row_cosines(recorded, encoding.embed(opened, PROBE_TEXTS)).min() >= 0.999999


def test_an_adapter_is_saved_alone_and_small(trained: Any) -> None:
    model, out, _, _ = trained
    if model == "lora":
        tensors = load_file(out / WEIGHTS[model])
        assert 2 * 2 * 2 == len(tensors)
        assert 1024 == sum(tensor.size for tensor in tensors.values())


@BOTH
def test_the_same_seed_makes_the_same_weights_and_another_seed_others(
    train_tiny: Any, tmp_path: Path, model: str
) -> None:
    for name, seed in [("first", 3), ("second", 3), ("third", 4)]:
        train_tiny(model, tmp_path / name, seed=seed, epochs=1)
    first, second, third = ((tmp_path / n / WEIGHTS[model]).read_bytes() for n in ("first", "second", "third"))
    assert first == second
    assert first != third
    assert (tmp_path / "first" / ARRAYS).read_bytes() == (tmp_path / "second" / ARRAYS).read_bytes()


@BOTH
def test_the_state_of_the_process_does_not_matter(train_tiny: Any, tmp_path: Path, model: str) -> None:
    import torch

    train_tiny(model, tmp_path / "first", epochs=1)
    torch.manual_seed(12345)
    np.random.seed(12345)  # noqa: NPY002 - the state that a careless library would draw from
    train_tiny(model, tmp_path / "second", epochs=1)
    first, second = ((tmp_path / name / WEIGHTS[model]).read_bytes() for name in ("first", "second"))
    assert first == second


def test_training_moves_every_layer_and_leaves_the_base_alone(tiny_trained: Any, tiny_inputs: Any) -> None:
    assert tiny_inputs.base == resolve_base(tiny_inputs.case.base, tiny_inputs.case.path.parent)
    base = load_file(tiny_inputs.base.path / "model.safetensors")
    full = load_file(tiny_trained["standard"] / "model.safetensors")
    moved = {name for name in full if not np.array_equal(base[name], full[name])}
    assert {name for name in full if name.endswith("dense.weight") and "pooler" not in name} <= moved


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_of_the_table_trains(train_tiny: Any, tmp_path: Path, loss: str) -> None:
    facts = train_tiny("standard", tmp_path / loss, loss=loss, epochs=1)
    assert math.isfinite(facts["curve"][0]["loss"])


@pytest.mark.parametrize("optimizer", ["adamw_torch_fused", "adamw_torch"])
def test_every_optimizer_trains(train_tiny: Any, tmp_path: Path, optimizer: str) -> None:
    assert math.isfinite(train_tiny("standard", tmp_path, optimizer=optimizer, epochs=1)["curve"][0]["loss"])


def test_bf16_is_recorded_and_the_probes_are_still_fp32(train_tiny: Any, tmp_path: Path, tiny_inputs: Any) -> None:
    assert "bf16" == train_tiny("standard", tmp_path, precision="bf16", epochs=1)["precision"]
    assert {"F32"} == {dtype_of(tmp_path / "model.safetensors")}
    opened = open_checkpoint(Checkpoint("full", tiny_inputs.base, tmp_path))
    recorded = load_file(tmp_path / ARRAYS)["probes"]
    assert encoding.row_cosines(recorded, encoding.embed(opened, PROBE_TEXTS)).min() >= 0.999999


def dtype_of(path: Path) -> str:
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    [dtype] = {entry["dtype"] for name, entry in header.items() if name != "__metadata__"}
    return str(dtype)


# --- the record of a training elsewhere -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained_elsewhere(tiny_inputs: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `record_training` is given after a training by PEFT alone."""
    from peft import LoraConfig, get_peft_model
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tiny_inputs.base.path), device="cpu", local_files_only=True)
    adapted = get_peft_model(model[0].model, LoraConfig(r=4, target_modules=["query"], init_lora_weights=False))
    model[0].model = adapted
    directory = tmp_path_factory.mktemp("elsewhere")
    adapted.save_pretrained(directory)
    recipe = {"learning_rate": 1e-3}
    return {
        "model": model, "directory": directory, "base": tiny_inputs.base, "pairs": tiny_inputs.train, "recipe": recipe,
    }  # fmt: skip


def test_a_training_by_peft_is_recorded_and_recognised(trained_elsewhere: dict[str, Any]) -> None:
    training.record_training(**trained_elsewhere)
    directory, base = trained_elsewhere["directory"], trained_elsewhere["base"]
    opened = open_checkpoint(Checkpoint("lora", base, directory))
    recorded = load_file(directory / ARRAYS)["probes"]
    assert encoding.row_cosines(recorded, encoding.embed(opened, PROBE_TEXTS)).min() >= 0.999999
    assert {"learning_rate": 1e-3} == json.loads((directory / RECORD).read_text(encoding="utf-8"))["recipe"]


NOT_RECORDABLE: dict[str, tuple[str, Any, type[HarnessError], str]] = {
    "peft-model": (
        "model",
        lambda good: good["model"][0].model,
        CheckpointError,
        "got PeftModel, expected SentenceTransformer: the whole that encodes; around a PeftModel it is the one whose ",
    ),
    "no-model": ("model", lambda _: None, CheckpointError, "got NoneType, expected SentenceTransformer: "),
    "directory-as-text": (
        "directory",
        lambda good: str(good["directory"]),
        CheckpointError,
        "got str, expected Path: where the model was saved",
    ),
    "no-such-directory": (
        "directory",
        lambda good: good["directory"] / "gone",
        CheckpointError,
        "gone: no such directory; save the model first",
    ),
    "base-as-path": ("base", lambda good: good["base"].path, CheckpointError, "expected ResolvedBase: a case's, such "),
    "pairs-as-path": ("pairs", lambda good: good["pairs"].path, DataError, "expected PairSet: a case's, such as "),
    "pairs-as-list": ("pairs", lambda good: list(good["pairs"]), DataError, "got list, expected PairSet: "),
    "no-recipe": (
        "recipe",
        lambda _: None,
        CaseError,
        "got NoneType, expected Mapping: JSON values by name, such as {'learning_rate': 0.001}",
    ),
    "recipe-with-objects": (
        "recipe",
        lambda good: {"base": good["base"]},
        CaseError,
        "not JSON values: Object of type ResolvedBase is not JSON serializable",
    ),
}


@pytest.mark.parametrize(("name", "bad", "kind", "said"), NOT_RECORDABLE.values(), ids=NOT_RECORDABLE)
def test_what_cannot_be_recorded_is_refused_before_anything_is_done(
    trained_elsewhere: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    bad: Any,
    kind: type[HarnessError],
    said: str,
) -> None:
    monkeypatch.setattr(training, "embed", lambda *_: pytest.fail("embedded"))
    monkeypatch.setattr(training, "write_record", lambda *_: pytest.fail("written"))
    with pytest.raises(kind) as caught:
        training.record_training(**{**trained_elsewhere, name: bad(trained_elsewhere)})
    assert str(caught.value).startswith(f"record_training: {name}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("avx512", "amx", "expected"), [(True, False, "bf16"), (False, True, "bf16"), (False, False, "fp32")]
)
def test_auto_is_bf16_only_where_the_cpu_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, tiny_inputs: Any, *, avx512: bool, amx: bool, expected: str
) -> None:
    import torch

    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    for precision, wanted in [("auto", expected), ("bf16", "bf16"), ("fp32", "fp32")]:
        recipe = tiny_inputs.case.models["standard"].model_copy(update={"precision": precision})
        assert wanted == training._precision(recipe, torch.device("cpu"))


def test_every_strategy_of_a_recipe_can_be_trained_and_opened() -> None:
    from harness.checkpoints.opening import _OPENERS

    strategies = set(Recipe.model_json_schema()["properties"]["strategy"]["enum"])
    assert strategies == set(training._STRATEGIES)
    assert strategies | {"base"} == set(_OPENERS)


def test_the_shipped_adapter_has_73728_trainable_parameters_and_a_file_of_a_third_of_a_megabyte(
    dating_case_path: Path, tmp_path: Path
) -> None:
    case = read_case(dating_case_path)
    base = resolve_base(case.base, dating_case_path.parent)
    opened = open_checkpoint(Checkpoint("base", base, base.path))
    assert {"total": 22_713_216, "trainable": 22_713_216} == parameter_counts(opened)
    model = training._STRATEGIES["lora"](opened, case.models["lora"])
    assert {"total": 22_786_944, "trainable": 73_728} == parameter_counts(model)
    model.save_pretrained(str(tmp_path), create_model_card=False)
    assert 0.3 == pytest.approx((tmp_path / "adapter_model.safetensors").stat().st_size / 1e6, abs=0.02)
