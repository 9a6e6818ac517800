"""A model is opened complete, and as the one it claims to be, or not at all."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness.config import BaseSpec
from harness.errors import CheckpointError
from harness.metrics import row_cosines
from harness.models import (
    ADAPTER,
    PROBE_TEXTS,
    WEIGHTS,
    Checkpoint,
    embed,
    merge,
    open_checkpoint,
    open_unmerged,
    read_record,
    resolve_base,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUERY = "encoder.layer.0.attention.self.query.weight"


def error_of(checkpoint: Checkpoint) -> str:
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(checkpoint)
    return str(caught.value)


def parameters(model: Any) -> dict[str, Any]:
    return dict(model.named_parameters())


# --- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["base", "full", "lora"])
def test_a_complete_model_opens_in_evaluation_mode_and_fp32(checkpoints: dict[str, Checkpoint], strategy: str) -> None:
    import torch

    model = open_checkpoint(checkpoints[strategy])
    assert not model.training
    assert {torch.float32} == {parameter.dtype for parameter in model.parameters()}
    assert 23744 == sum(parameter.numel() for parameter in model.parameters())
    assert not [name for name in parameters(model) if "lora" in name]


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_a_reopened_model_reproduces_its_recorded_probes_each_time(
    checkpoints: dict[str, Checkpoint], strategy: str
) -> None:
    record = read_record(checkpoints[strategy].path)
    assert record is not None
    assert record.probes is not None
    first, second = (embed(open_checkpoint(checkpoints[strategy]), PROBE_TEXTS) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert row_cosines(record.probes, first).min() >= 0.999999


def test_merging_adds_the_scaled_product_to_the_base(checkpoints: dict[str, Checkpoint]) -> None:
    base, adapter = load_file(checkpoints["base"].path / WEIGHTS), load_file(checkpoints["lora"].path / ADAPTER)
    first, second = (next(t for n, t in sorted(adapter.items()) if part in n) for part in ("lora_A", "lora_B"))
    model = open_unmerged(checkpoints["lora"])
    assert [name for name in parameters(model) if "lora_A" in name]
    merged = parameters(merge(model).transformers_model)
    expected = base[QUERY] + 8 / 4 * second @ first
    np.testing.assert_allclose(expected, merged[QUERY].detach().numpy(), atol=1e-5)


def test_weights_in_half_precision_are_opened_with_their_values(
    copied: Callable[[str], Checkpoint], edit_tensors: Callable[..., None]
) -> None:
    checkpoint = copied("base")
    edit_tensors(
        checkpoint.path / WEIGHTS, lambda t: t.update({n: tensor.astype(np.float16) for n, tensor in t.items()})
    )
    half = load_file(checkpoint.path / WEIGHTS)[QUERY]
    opened = parameters(open_checkpoint(checkpoint).transformers_model)[QUERY].detach().numpy()
    np.testing.assert_array_equal(half.astype(np.float32), opened)


# --- refusing: the base; what the gate refuses of a candidate is in tests/faults --------------------------------------

BROKEN_WEIGHTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "missing": (lambda t: t.pop(QUERY), f"missing {QUERY} (they would be random); unexpected nothing"),
    "extra": (
        lambda t: t.update(extra=np.ones(3, np.float32)),
        "missing nothing (they would be random); unexpected ex",
    ),
    "wrong-shape": (lambda t: t.update({QUERY: t[QUERY][:16].copy()}), QUERY),
    "nan": (lambda t: t[QUERY].fill(np.nan), f"NaN or infinite values in {QUERY}"),
    "many-missing": (
        lambda t: [t.pop(name) for name in list(t) if "layer.1" in name],
        " and 13 more (they would be random)",
    ),
}


@pytest.mark.parametrize(("change", "said"), BROKEN_WEIGHTS.values(), ids=BROKEN_WEIGHTS)
def test_weights_that_are_not_complete_are_refused(
    copied: Callable[[str], Checkpoint], edit_tensors: Callable[..., None], change: Callable[..., Any], said: str
) -> None:
    checkpoint = copied("base")
    edit_tensors(checkpoint.path / WEIGHTS, change)
    message = error_of(checkpoint)
    assert message.startswith(str(checkpoint.path))
    assert said in message


@pytest.mark.parametrize(("strategy", "name"), [("base", WEIGHTS), ("lora", ADAPTER)])
def test_a_file_that_is_cut_off_is_refused(copied: Callable[[str], Checkpoint], strategy: str, name: str) -> None:
    checkpoint = copied(strategy)
    path = checkpoint.path / name
    os.truncate(path, path.stat().st_size - 100)
    assert error_of(checkpoint).startswith(f"{path}: cannot be read as safetensors: ")


@pytest.mark.parametrize(
    ("strategy", "name", "pickle"),
    [("full", WEIGHTS, "pytorch_model.bin"), ("lora", ADAPTER, "adapter_model.bin")],
)
def test_pickles_are_never_opened(
    copied: Callable[[str], Checkpoint], monkeypatch: pytest.MonkeyPatch, strategy: str, name: str, pickle: str
) -> None:
    import torch

    checkpoint = copied(strategy)
    (checkpoint.path / pickle).write_bytes(b"never opened")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("opened"))
    open_checkpoint(checkpoint)
    (checkpoint.path / name).unlink()
    message = error_of(checkpoint)
    assert message.startswith(f"{checkpoint.path}: no {name} in it")
    assert pickle in message
    assert message.endswith("only safetensors are opened")


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_a_model_that_was_trained_on_another_base_is_refused(
    checkpoints: dict[str, Checkpoint], build_tiny_base: Callable[..., Path], tmp_path: Path, strategy: str
) -> None:
    other = resolve_base(BaseSpec(name="tiny", path=str(build_tiny_base(tmp_path / "other", seed=5))), tmp_path)
    trained = checkpoints[strategy]
    assert (
        f"{trained.path}: trained on tiny with digest {trained.base.digest}, "
        f"but the case's base is tiny with digest {other.digest}"
    ) == error_of(dataclasses.replace(trained, base=other))


# --- modules after the transformer ------------------------------------------------------------------------------------


@pytest.fixture
def with_dense(tiny_base_path: Path, tmp_path: Path) -> Checkpoint:
    """The tiny model with a Dense layer after its pooling."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    model = SentenceTransformer(str(tiny_base_path), device="cpu")
    model.insert(2, modules.Dense(32, 16))
    path = tmp_path / "dense"
    model.save_pretrained(str(path), create_model_card=False)
    return Checkpoint.of_base(resolve_base(BaseSpec(name="dense", path=str(path)), path))


def test_a_layer_after_the_transformer_is_compared_too(
    with_dense: Checkpoint, edit_tensors: Callable[..., None]
) -> None:
    open_checkpoint(with_dense)
    edit_tensors(with_dense.path / "2_Dense" / WEIGHTS, lambda tensors: tensors["linear.bias"].fill(np.nan))
    assert "NaN or infinite values in linear.bias" in error_of(with_dense)


def test_a_pickle_after_the_transformer_is_refused_unopened(with_dense: Checkpoint) -> None:
    weights = with_dense.path / "2_Dense" / WEIGHTS
    weights.rename(weights.with_name("pytorch_model.bin"))
    assert "a pickle, which can run any code" in error_of(with_dense)
