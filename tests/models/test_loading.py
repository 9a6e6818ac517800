"""A model is opened complete, and as the one it claims to be, or not at all."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness.config import BaseSpec
from harness.errors import CheckpointError
from harness.models import ADAPTER, WEIGHTS, Checkpoint, open_checkpoint, resolve_base
from harness.models.loading import SAVED, merge

QUERY = "encoder.layer.0.attention.self.query.weight"


def error_of(checkpoint: Checkpoint) -> str:
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(checkpoint)
    return str(caught.value)


def parameters(model: Any) -> dict[str, Any]:
    return dict(model.named_parameters())


@pytest.mark.parametrize("strategy", ["base", "full", "lora"])
def test_a_complete_model_opens_in_evaluation_mode_and_fp32(checkpoints: dict[str, Checkpoint], strategy: str) -> None:
    import torch

    model = open_checkpoint(checkpoints[strategy])
    assert not model.training
    assert {torch.float32} == {parameter.dtype for parameter in model.parameters()}
    assert 23744 == sum(parameter.numel() for parameter in model.parameters())
    assert not [name for name in parameters(model) if "lora" in name]


def test_merging_adds_the_scaled_product_to_the_base(checkpoints: dict[str, Checkpoint]) -> None:
    base, adapter = load_file(checkpoints["base"].path / WEIGHTS), load_file(checkpoints["lora"].path / ADAPTER)
    first, second = (next(t for n, t in sorted(adapter.items()) if part in n) for part in ("lora_A", "lora_B"))
    model = SAVED["lora"].open(checkpoints["lora"])
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


def test_a_weight_of_another_shape_is_refused(copied: Any, edit_tensors: Callable[..., None]) -> None:
    checkpoint = copied("base")
    edit_tensors(checkpoint.path / WEIGHTS, lambda t: t.update({QUERY: t[QUERY][:16].copy()}))
    expected = f"{checkpoint.path}: the opened model does not hold the stored values of {QUERY}"
    assert expected == error_of(checkpoint)


def test_pickles_are_never_opened(copied: Callable[[str], Checkpoint], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    checkpoint = copied("full")
    (checkpoint.path / "pytorch_model.bin").write_bytes(b"never opened")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("opened"))
    open_checkpoint(checkpoint)
    (checkpoint.path / WEIGHTS).unlink()
    assert error_of(checkpoint).startswith(f"{checkpoint.path}: no {WEIGHTS} in it")


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
