"""A candidate of another base is refused; where nothing is recorded beside it, nobody pretends to know."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.candidates import prove_base
from harness.case import BaseSpec
from harness.checkpoints import ADAPTER, ADAPTER_CONFIG, WEIGHTS, ResolvedBase, resolve_base
from harness.checkpoints.record import ARRAYS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.candidates import Candidate

BOTH = pytest.mark.parametrize("strategy", ["lora", "full"])
COMMIT = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
RECORD_IT = "record one with harness.training.record_training"


@pytest.fixture(scope="module")
def base(tiny_inputs: Any) -> ResolvedBase:
    found: ResolvedBase = tiny_inputs.base
    return found


@pytest.fixture(scope="module")
def other_base(build_tiny_base: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> ResolvedBase:
    path = build_tiny_base(tmp_path_factory.mktemp("other") / "base", seed=5)
    return resolve_base(BaseSpec(name="other", path=str(path)), path)


# --- with a record ----------------------------------------------------------------------------------------------------


@BOTH
def test_the_recorded_digest_decides(
    arrived: Callable[..., Candidate], base: ResolvedBase, other_base: ResolvedBase, strategy: str
) -> None:
    candidate = arrived(strategy)
    words = f"trained on tiny with digest {base.digest}"
    assert ("pass", words) == prove_base(candidate, base)
    said = f"{words}, but the case's base is other with digest {other_base.digest}"
    assert ("fail", said) == prove_base(candidate, other_base)


def test_a_right_record_does_not_excuse_a_wrong_name(
    arrived: Callable[..., Candidate], base: ResolvedBase, edit_json: Callable[..., None]
) -> None:
    candidate = arrived("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, base_model_name_or_path="someone/another-model")
    outcome, message = prove_base(candidate, base)
    assert "fail" == outcome  # whoever opens the adapter by itself gets that other model
    assert message.endswith("adapter_config.json names the base someone/another-model, but the case's base is tiny")


@BOTH
def test_half_a_record_is_no_record_and_fails(
    arrived: Callable[..., Candidate], base: ResolvedBase, strategy: str
) -> None:
    candidate = arrived(strategy)
    (candidate.path / ARRAYS).unlink()
    outcome, message = prove_base(candidate, base)
    assert "fail" == outcome
    assert message.startswith(f"{candidate.path / ARRAYS}: ")


# --- without one ------------------------------------------------------------------------------------------------------


def test_an_adapter_that_names_the_base_itself_passes(arrived: Callable[..., Candidate], base: ResolvedBase) -> None:
    said = f"names {base.path}, which has the digest of the case's base"
    assert ("pass", said) == prove_base(arrived("lora", recorded=False), base)


def test_an_adapter_that_names_a_copy_of_the_base_passes(
    arrived: Callable[..., Candidate], base: ResolvedBase, tmp_path: Path, edit_json: Callable[..., None]
) -> None:
    copy = shutil.copytree(base.path, tmp_path / "copy")
    candidate = arrived("lora", recorded=False)
    edit_json(candidate.path / ADAPTER_CONFIG, base_model_name_or_path=str(copy))
    assert "pass" == prove_base(candidate, base).outcome


def test_an_adapter_that_names_another_base_of_this_shape_fails(
    arrived: Callable[..., Candidate], base: ResolvedBase, other_base: ResolvedBase
) -> None:
    said = f"names {base.path} with digest {base.digest}, but the case's base has {other_base.digest}"
    assert ("fail", said) == prove_base(arrived("lora", recorded=False), other_base)


NAMED: dict[str, tuple[dict[str, Any], str, str]] = {
    "right-name": ({"base_model_name_or_path": "org/tiny"}, "inconclusive", "names the base org/tiny, and has its sh"),
    "right-revision": (
        {"base_model_name_or_path": "org/tiny", "revision": COMMIT},
        "inconclusive",
        f"names the base org/tiny at revision {COMMIT}, and has its shape, but no digest of the base is recorded",
    ),
    "path-elsewhere": (
        {"base_model_name_or_path": "/home/someone/models/tiny"},
        "inconclusive",
        "names the base /home/someone/models/tiny, and has its shape, but no digest",
    ),
    "other-name": (
        {"base_model_name_or_path": "org/tiny-v2"},
        "fail",
        "adapter_config.json names the base org/tiny-v2, but the case's base is org/tiny",
    ),
    "other-revision": (
        {"base_model_name_or_path": "org/tiny", "revision": "2" + COMMIT[1:]},
        "fail",
        f"adapter_config.json names revision 2{COMMIT[1:]}, but the case's base is at {COMMIT}",
    ),
    "no-name": (
        {"base_model_name_or_path": None},
        "fail",
        "adapter_config.json names no base (base_model_name_or_path); expected org/tiny",
    ),
    "empty-name": ({"base_model_name_or_path": ""}, "fail", "adapter_config.json names no base"),
}


@pytest.mark.parametrize(("config", "outcome", "said"), NAMED.values(), ids=NAMED)
def test_the_base_that_an_adapter_names_is_compared(
    arrived: Callable[..., Candidate],
    base: ResolvedBase,
    edit_json: Callable[..., None],
    config: dict[str, Any],
    outcome: str,
    said: str,
) -> None:
    candidate = arrived("lora", recorded=False)
    edit_json(candidate.path / ADAPTER_CONFIG, **config)
    found = prove_base(candidate, dataclasses.replace(base, name="org/tiny", revision=COMMIT))
    assert outcome == found.outcome
    assert found.message.startswith(said)
    assert (outcome == "inconclusive") == found.message.endswith(RECORD_IT)


def test_a_whole_model_of_the_bases_shape_is_inconclusive(
    arrived: Callable[..., Candidate], base: ResolvedBase
) -> None:
    outcome, message = prove_base(arrived("full", recorded=False), base)
    assert "inconclusive" == outcome
    assert message.startswith("of the shape of tiny, but no digest of the base is recorded beside it")
    assert message.endswith(RECORD_IT)


QUERY = "encoder.layer.0.attention.self.query"


@pytest.mark.parametrize(("side", "shape"), [("A", (4, 48)), ("B", (48, 4))])
def test_an_adapter_of_another_width_fails_with_the_shapes(
    arrived: Callable[..., Candidate],
    base: ResolvedBase,
    edit_tensors: Callable[..., None],
    side: str,
    shape: tuple[int, int],
) -> None:
    candidate = arrived("lora", recorded=False)
    name = f"base_model.model.{QUERY}.lora_{side}.weight"
    edit_tensors(candidate.path / ADAPTER, lambda t: t.update({name: np.ones(shape, np.float32)}))
    said = f"made from another base than tiny: other shapes: {name} {list(shape)} on a weight [32, 32]"
    assert ("fail", said) == prove_base(candidate, base)


def test_a_whole_model_of_another_width_fails_with_the_shapes(
    arrived: Callable[..., Candidate], base: ResolvedBase, edit_tensors: Callable[..., None]
) -> None:
    candidate = arrived("full", recorded=False)
    name = f"{QUERY}.weight"
    edit_tensors(candidate.path / WEIGHTS, lambda t: t.update({name: np.ones((48, 32), np.float32)}))
    said = f"made from another base than tiny: other shapes: {name} [48, 32] for [32, 32]"
    assert ("fail", said) == prove_base(candidate, base)


def test_no_model_is_opened(
    arrived: Callable[..., Candidate], base: ResolvedBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors.torch

    monkeypatch.setattr(safetensors.torch, "load_file", lambda *_, **__: pytest.fail("opened"))
    assert "pass" == prove_base(arrived("lora"), base).outcome


def test_a_model_with_another_layer_is_of_another_base(arrived: Callable[..., Candidate], base: ResolvedBase) -> None:
    from safetensors.numpy import load_file, save_file

    candidate = arrived("full", recorded=False)
    tensors = load_file(candidate.path / WEIGHTS)
    extra = {name.replace("layer.1", "layer.2"): value for name, value in tensors.items() if "layer.1." in name}
    save_file({**tensors, **extra}, candidate.path / WEIGHTS, metadata={"format": "pt"})
    outcome, message = prove_base(candidate, base)
    assert "fail" == outcome
    assert "encoder.layer.2.attention.output.LayerNorm.bias, which the base does not have" in message
