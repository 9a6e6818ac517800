"""A model is opened whole, and as the one it claims to be, or not at all."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from harness import encoding
from harness.case import BaseSpec
from harness.checkpoints import (
    PROBE_TEXTS,
    Checkpoint,
    merge,
    open_checkpoint,
    open_unmerged,
    parameter_counts,
    read_record,
    resolve_base,
)
from harness.checkpoints.record import ARRAYS, RECORD
from harness.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WEIGHTS = "model.safetensors"
ADAPTER = "adapter_model.safetensors"
QUERY = "encoder.layer.0.attention.self.query.weight"


def error_of(function: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        function(*arguments)
    return str(caught.value)


def change_tensors(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    tensors = dict(load_file(path))
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


# --- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["base", "full", "lora"])
def test_a_whole_model_opens_in_evaluation_mode_and_fp32(checkpoints: dict[str, Checkpoint], strategy: str) -> None:
    import torch

    model = open_checkpoint(checkpoints[strategy])
    assert not model.training
    assert {torch.float32} == {parameter.dtype for parameter in model.parameters()}
    assert 23744 == parameter_counts(model)["total"]
    assert not [name for name, _ in model.named_parameters() if "lora" in name]


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_a_reopened_model_reproduces_its_recorded_probes(checkpoints: dict[str, Checkpoint], strategy: str) -> None:
    record = read_record(checkpoints[strategy].path)
    assert record is not None
    assert record.probes is not None
    reproduced = encoding.embed(open_checkpoint(checkpoints[strategy]), PROBE_TEXTS)
    assert encoding.row_cosines(record.probes, reproduced).min() >= 0.999999


def test_a_model_opens_the_same_twice(checkpoints: dict[str, Checkpoint]) -> None:
    first, second = (encoding.embed(open_checkpoint(checkpoints["lora"]), PROBE_TEXTS) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_an_adapter_is_open_unmerged_until_it_is_merged(checkpoints: dict[str, Checkpoint]) -> None:
    model = open_unmerged(checkpoints["lora"])
    assert [name for name, _ in model.named_parameters() if "lora_A" in name]
    merged = merge(model)
    assert not [name for name, _ in merged.named_parameters() if "lora" in name]
    assert 23744 == parameter_counts(merged)["total"]


def test_merging_adds_the_scaled_product_to_the_base(checkpoints: dict[str, Checkpoint]) -> None:
    base, adapter = load_file(checkpoints["base"].path / WEIGHTS), load_file(checkpoints["lora"].path / ADAPTER)
    first, second = (next(t for n, t in sorted(adapter.items()) if part in n) for part in ("lora_A", "lora_B"))
    merged = dict(open_checkpoint(checkpoints["lora"]).transformers_model.named_parameters())
    expected = base[QUERY] + 8 / 4 * second @ first
    np.testing.assert_allclose(expected, merged[QUERY].detach().numpy(), atol=1e-5)


# --- refusing ---------------------------------------------------------------------------------------------------------


def nan(tensors: dict[str, Any]) -> None:
    tensors[QUERY][3, 5] = np.nan


def infinite(tensors: dict[str, Any]) -> None:
    tensors[QUERY][3, 5] = -np.inf


BROKEN_WEIGHTS: dict[str, tuple[Callable[[dict[str, Any]], Any], list[str]]] = {
    "missing": (lambda t: t.pop(QUERY), [f"missing {QUERY} (they would be random); unexpected nothing"]),
    "extra": (
        lambda t: t.update(extra=np.ones(3, np.float32)),
        ["missing nothing", "unexpected extra. Was it saved while wrapped by PEFT"],
    ),
    "renamed": (
        lambda t: t.update({"renamed": t.pop(QUERY)}),
        [f"missing {QUERY} (they would be random); unexpected renamed"],
    ),
    "wrong-shape": (lambda t: t.update({QUERY: t[QUERY][:16].copy()}), [QUERY]),
    "nan": (nan, [f"NaN or infinite values in {QUERY}"]),
    "infinite": (infinite, [f"NaN or infinite values in {QUERY}"]),
    "many-missing": (
        lambda t: [t.pop(name) for name in list(t) if "layer.1" in name],
        ["missing encoder.layer.1.attention", " and 13 more (they would be random)"],
    ),
}


@pytest.mark.parametrize("strategy", ["base", "full"])
@pytest.mark.parametrize(("change", "said"), BROKEN_WEIGHTS.values(), ids=BROKEN_WEIGHTS)
def test_weights_that_are_not_whole_are_refused(
    copied: Callable[[str], Checkpoint], strategy: str, change: Callable[[dict[str, Any]], Any], said: list[str]
) -> None:
    checkpoint = copied(strategy)
    change_tensors(checkpoint.path / WEIGHTS, change)
    message = error_of(open_checkpoint, checkpoint)
    assert str(checkpoint.path) in message
    assert [] == [part for part in said if part not in message], message


def test_weights_in_half_precision_are_opened_with_their_values(copied: Callable[[str], Checkpoint]) -> None:
    checkpoint = copied("base")
    change_tensors(
        checkpoint.path / WEIGHTS, lambda t: t.update({name: tensor.astype(np.float16) for name, tensor in t.items()})
    )
    half = load_file(checkpoint.path / WEIGHTS)[QUERY]
    opened = dict(open_checkpoint(checkpoint).transformers_model.named_parameters())[QUERY].detach().numpy()
    np.testing.assert_array_equal(half.astype(np.float32), opened)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def garbage(path: Path) -> None:
    path.write_bytes(b"\x80\x02}q\x00." * 100)


@pytest.mark.parametrize(("strategy", "name"), [("base", WEIGHTS), ("full", WEIGHTS), ("lora", ADAPTER)])
@pytest.mark.parametrize("damage", [truncate, empty, garbage])
def test_a_file_that_is_no_safetensors_is_refused(
    copied: Callable[[str], Checkpoint], strategy: str, name: str, damage: Callable[[Path], None]
) -> None:
    checkpoint = copied(strategy)
    damage(checkpoint.path / name)
    message = error_of(open_checkpoint, checkpoint)
    assert message.startswith(f"{checkpoint.path / name}: cannot be read as safetensors: ")


@pytest.mark.parametrize(
    ("strategy", "name", "pickle"),
    [("full", WEIGHTS, "pytorch_model.bin"), ("lora", ADAPTER, "adapter_model.bin")],
)
def test_pickles_are_never_opened(
    copied: Callable[[str], Checkpoint], monkeypatch: pytest.MonkeyPatch, strategy: str, name: str, pickle: str
) -> None:
    import torch

    checkpoint = copied(strategy)
    (checkpoint.path / name).rename(checkpoint.path / pickle)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("opened"))
    message = error_of(open_checkpoint, checkpoint)
    assert f"{checkpoint.path}: no {name} in it" in message
    assert pickle in message
    assert "only safetensors are opened" in message


def test_a_pickle_beside_the_weights_changes_nothing(copied: Callable[[str], Checkpoint]) -> None:
    checkpoint = copied("full")
    (checkpoint.path / "pytorch_model.bin").write_bytes(b"never opened")
    open_checkpoint(checkpoint)


# --- adapters ---------------------------------------------------------------------------------------------------------


def first_of(tensors: dict[str, Any], part: str) -> str:
    return next(name for name in sorted(tensors) if part in name)


BROKEN_ADAPTERS: dict[str, tuple[Callable[[dict[str, Any]], Any], list[str]]] = {
    "nan": (lambda t: t[first_of(t, "lora_A")].fill(np.nan), ["NaN or infinite values in base_model.model."]),
    "infinite": (lambda t: t[first_of(t, "lora_B")].fill(np.inf), ["NaN or infinite values in base_model.model."]),
    "no-matrices": (
        lambda t: [t.pop(name) for name in list(t) if "lora_B" in name],
        ["the weights do not fit the model: missing base_", "and 1 more (they would be random)"],
    ),
    "missing": (
        lambda t: t.pop(first_of(t, "lora_A")),
        ["the weights do not fit the model: missing base_"],
    ),
    "extra": (lambda t: t.update(extra=np.ones(3, np.float32)), ["unexpected extra"]),
    "wrong-shape": (
        lambda t: t.update({(name := first_of(t, "lora_B")): t[name][:, :2].copy()}),
        ["lora_B"],
    ),
}


@pytest.mark.filterwarnings("ignore:Found missing adapter keys:UserWarning")
@pytest.mark.parametrize(("change", "said"), BROKEN_ADAPTERS.values(), ids=BROKEN_ADAPTERS)
def test_an_adapter_that_is_not_whole_is_refused(
    copied: Callable[[str], Checkpoint], change: Callable[[dict[str, Any]], Any], said: list[str]
) -> None:
    checkpoint = copied("lora")
    change_tensors(checkpoint.path / ADAPTER, change)
    for opens in (open_checkpoint, open_unmerged):
        message = error_of(opens, checkpoint)
        assert str(checkpoint.path) in message
        assert [] == [part for part in said if part not in message], message


def test_one_zero_matrix_is_no_untrained_adapter(copied: Callable[[str], Checkpoint]) -> None:
    checkpoint = copied("lora")
    change_tensors(checkpoint.path / ADAPTER, lambda t: t[first_of(t, "lora_B")].fill(0))
    open_checkpoint(checkpoint)


@pytest.mark.filterwarnings("ignore:Found missing adapter keys:UserWarning")
@pytest.mark.parametrize("content", [None, "{", "{}"], ids=["missing", "no-json", "empty"])
def test_an_adapter_without_its_config_is_refused(copied: Callable[[str], Checkpoint], content: str | None) -> None:
    checkpoint = copied("lora")
    path = checkpoint.path / "adapter_config.json"
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert "adapter_config.json" in error_of(open_checkpoint, checkpoint)


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_a_model_that_was_trained_on_another_base_is_refused(
    checkpoints: dict[str, Checkpoint], build_tiny_base: Callable[..., Path], tmp_path: Path, strategy: str
) -> None:
    other = resolve_base(BaseSpec(name="tiny", path=str(build_tiny_base(tmp_path / "other", seed=5))), tmp_path)
    trained = checkpoints[strategy]
    message = error_of(open_checkpoint, Checkpoint(strategy, other, trained.path))
    assert (
        f"{trained.path}: trained on tiny with digest {trained.base.digest}, "
        f"but the case's base is tiny with digest {other.digest}"
    ) == message


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_a_model_without_a_record_opens(copied: Callable[[str], Checkpoint], strategy: str) -> None:
    checkpoint = copied(strategy)
    for name in (RECORD, ARRAYS):
        (checkpoint.path / name).unlink()
    open_checkpoint(checkpoint)


# --- the two known ways to evaluate the wrong weights -----------------------------------------------------------------


@pytest.mark.parametrize("strip", ["", "base_model.model."], ids=["whole-names", "prefix-removed"])
def test_a_full_checkpoint_that_was_saved_while_wrapped_by_peft_is_refused(
    copied: Callable[[str], Checkpoint], checkpoints: dict[str, Checkpoint], strip: str
) -> None:
    from peft import LoraConfig, get_peft_model

    live = open_checkpoint(checkpoints["base"]).transformers_model
    wrapped = get_peft_model(live, LoraConfig(r=4, target_modules=["query", "value"]))
    state = {name.removeprefix(strip): tensor.contiguous().numpy() for name, tensor in wrapped.state_dict().items()}
    assert [name for name in state if "base_layer" in name]
    checkpoint = copied("full")
    save_file(state, checkpoint.path / WEIGHTS, metadata={"format": "pt"})
    message = error_of(open_checkpoint, checkpoint)
    assert "(they would be random)" in message
    assert "Was it saved while wrapped by PEFT" in message


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_the_weights_of_another_training_are_not_the_trained_model(
    copied: Callable[[str], Checkpoint], tmp_path: Path, strategy: str
) -> None:
    checkpoint = copied(strategy)
    name = WEIGHTS if strategy == "full" else ADAPTER
    change_tensors(checkpoint.path / name, lambda t: t.update({key: 1.5 * value for key, value in t.items()}))
    open_checkpoint(checkpoint)  # whole, and yet another model
    message = error_of(encoding.encode, checkpoint, ("a text",), tmp_path, lambda *_: None)
    assert message.startswith(f"{checkpoint.path}: the saved model is not the trained model: ")
    assert message.endswith("expected at least 0.9999")


def test_an_adapter_that_is_not_applied_is_not_the_trained_model(
    copied: Callable[[str], Checkpoint], tmp_path: Path
) -> None:
    checkpoint = copied("full")
    shutil.copy(checkpoint.base.path / WEIGHTS, checkpoint.path / WEIGHTS)
    message = error_of(encoding.encode, checkpoint, ("a text",), tmp_path, lambda *_: None)
    assert "the saved model is not the trained model" in message


@pytest.fixture
def with_dense(tiny_base_path: Path, tmp_path: Path) -> Path:
    """The tiny model with a Dense layer behind its pooling."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    model = SentenceTransformer(str(tiny_base_path), device="cpu")
    model.insert(2, modules.Dense(32, 16))
    model.save_pretrained(str(tmp_path / "dense"), create_model_card=False)
    return tmp_path / "dense"


def dense_checkpoint(path: Path) -> Checkpoint:
    return Checkpoint("base", resolve_base(BaseSpec(name="dense", path=str(path)), path), path)


def test_a_layer_behind_the_transformer_is_compared_too(with_dense: Path) -> None:
    open_checkpoint(dense_checkpoint(with_dense))
    weights = with_dense / "2_Dense" / "model.safetensors"
    change_tensors(weights, lambda tensors: tensors["linear.bias"].fill(float("nan")))
    assert "NaN or infinite values in linear.bias" in error_of(open_checkpoint, dense_checkpoint(with_dense))


def test_a_pickle_behind_the_transformer_is_refused_unopened(with_dense: Path) -> None:
    weights = with_dense / "2_Dense" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    assert "a pickle, which can run any code" in error_of(open_checkpoint, dense_checkpoint(with_dense))
