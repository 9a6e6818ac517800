"""A model is opened complete, and as the one it claims to be, or not at all.

That a merge is exact is in `tests/verification`; what the gate refuses of a candidate is in `tests/faults`.
"""

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness.config import BaseSpec
from harness.errors import CheckpointError, StageError
from harness.models import PROBE_TEXTS, SAVED, WEIGHTS, Checkpoint, embed, open_checkpoint, resolve_base

QUERY = "encoder.layer.0.attention.self.query.weight"


def error_of(checkpoint):
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(checkpoint)
    return str(caught.value)


@pytest.mark.parametrize("strategy", ["base", "full", "lora"])
def test_a_complete_model_opens_in_evaluation_mode_and_fp32(checkpoints, strategy):
    import torch

    model = open_checkpoint(checkpoints[strategy])
    assert not model.training
    assert {torch.float32} == {parameter.dtype for parameter in model.parameters()}
    assert 23744 == sum(parameter.numel() for parameter in model.parameters())
    assert not [name for name, _ in model.named_parameters() if "lora" in name]


def test_a_device_that_the_machine_lacks_is_named(checkpoints, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert "cpu" == open_checkpoint(checkpoints["lora"], "cpu").device.type
    for device in ("cuda", "mps"):
        with pytest.raises(StageError, match=rf"--device {device}: .* none on this machine; expected one of auto, cpu"):
            open_checkpoint(checkpoints["base"], device)


def test_weights_in_half_precision_are_opened_with_their_values(copied, edit_tensors):
    checkpoint = copied("base")
    edit_tensors(checkpoint.path / WEIGHTS, lambda t: t.update({n: x.astype(np.float16) for n, x in t.items()}))
    half = load_file(checkpoint.path / WEIGHTS)[QUERY]
    opened = open_checkpoint(checkpoint).transformers_model.state_dict()[QUERY].numpy()
    np.testing.assert_array_equal(half.astype(np.float32), opened)


def test_pickles_are_never_opened(copied, monkeypatch):
    import torch

    checkpoint = copied("full")
    (checkpoint.path / "pytorch_model.bin").write_bytes(b"never opened")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("opened"))
    open_checkpoint(checkpoint)
    (checkpoint.path / WEIGHTS).unlink()
    assert error_of(checkpoint).startswith(f"{checkpoint.path}: no {WEIGHTS} in it")


def test_a_model_that_was_trained_on_another_base_is_refused(checkpoints, build_tiny_base, tmp_path):
    other = resolve_base(BaseSpec(name="tiny", path=str(build_tiny_base(tmp_path / "other", seed=5))), tmp_path)
    said = error_of(dataclasses.replace(checkpoints["lora"], base=other))
    assert f"{checkpoints['lora'].base.digest}, but the case's base is tiny with digest {other.digest}" in said


def test_a_layer_after_the_transformer_is_compared_too_and_no_pickle(tiny_base_path, tmp_path, edit_tensors):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    model = SentenceTransformer(str(tiny_base_path), device="cpu")
    model.insert(2, modules.Dense(32, 16))
    model.save_pretrained(str(tmp_path), create_model_card=False)
    with_dense = Checkpoint.of_base(resolve_base(BaseSpec(name="dense", path=str(tmp_path)), tmp_path))
    weights = tmp_path / "2_Dense" / WEIGHTS
    open_checkpoint(with_dense)
    edit_tensors(weights, lambda tensors: tensors["linear.bias"].fill(np.nan))
    assert "NaN or infinite values in linear.bias" in error_of(with_dense)
    weights.rename(weights.with_name("pytorch_model.bin"))
    assert "a pickle, which can run any code" in error_of(with_dense)


@pytest.mark.parametrize("strategy", ["base", "full"])
def test_what_no_embedding_depends_on_may_be_missing_and_is_named(copied, edit_tensors, strategy):
    checkpoint = copied(strategy)
    before = embed(open_checkpoint(checkpoint), PROBE_TEXTS)
    edit_tensors(checkpoint.path / WEIGHTS, lambda t: [t.pop(name) for name in list(t) if name.startswith("pooler.")])
    model, notes = SAVED[strategy].open(checkpoint, "cpu")
    np.testing.assert_array_equal(before, embed(model, PROBE_TEXTS))
    assert (
        "pooler.dense.bias, pooler.dense.weight: not in its files; drawn at random twice, they change no embedding",
    ) == notes
    edit_tensors(checkpoint.path / WEIGHTS, lambda t: t.pop(QUERY))
    assert f"missing {QUERY}, pooler.dense.bias, pooler.dense.weight (they would be random)" in error_of(checkpoint)
