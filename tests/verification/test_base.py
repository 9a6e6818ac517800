"""The base that a candidate names is compared as far as the name tells; other bases are rows of `tests/faults`."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.models import ADAPTER_CONFIG, WEIGHTS, ResolvedBase, read_record
from harness.verification import Candidate, CheckResult, check_base

COMMIT = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
RECORD_IT = "record one with harness.training.record_training"


@pytest.fixture(scope="module")
def base(tiny_inputs: Any) -> ResolvedBase:
    found: ResolvedBase = tiny_inputs.base
    return found


def test_a_right_record_does_not_excuse_a_wrong_name(
    make_candidate: Callable[..., Candidate], base: ResolvedBase, edit_json: Callable[..., None]
) -> None:
    candidate = make_candidate("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, base_model_name_or_path="someone/another-model")
    found = check_base(candidate, base, read_record(candidate.path))
    assert "fail" == found.outcome  # whoever opens the adapter by itself gets that other model
    assert found.message.endswith(
        "adapter_config.json names the base someone/another-model, but the case's base is tiny"
    )


NAMED: dict[str, tuple[dict[str, Any], str, str]] = {
    "name-without-owner": ({"base_model_name_or_path": "tiny"}, "inconclusive", "names the base tiny, and has its sh"),
    "right-revision": (
        {"base_model_name_or_path": "org/tiny", "revision": COMMIT[:12]},
        "inconclusive",
        f"names the base org/tiny at revision {COMMIT[:12]}, and has its shape, but no digest of the base is recorded",
    ),
    "other-revision": (
        {"base_model_name_or_path": "org/tiny", "revision": "2" + COMMIT[1:]},
        "fail",
        f"adapter_config.json names revision 2{COMMIT[1:]}, but the case's base is at {COMMIT}",
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_the_base_that_an_adapter_names_is_compared(
    make_candidate: Callable[..., Candidate], base: ResolvedBase, edit_json: Callable[..., None], name: str
) -> None:
    config, outcome, said = NAMED[name]
    candidate = make_candidate("lora", recorded=False)
    edit_json(candidate.path / ADAPTER_CONFIG, **config)
    found = check_base(candidate, dataclasses.replace(base, name="org/tiny", revision=COMMIT), None)
    assert outcome == found.outcome
    assert found.message.startswith(said)
    assert (outcome == "inconclusive") == found.message.endswith(RECORD_IT)


def test_a_model_with_another_layer_is_of_another_base_and_is_not_opened_for_it(
    make_candidate: Callable[..., Candidate], base: ResolvedBase, edit_tensors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors.torch

    candidate = make_candidate("full", recorded=False)
    name = "encoder.layer.2.output.dense.bias"
    edit_tensors(candidate.path / WEIGHTS, lambda t: t.update({name: np.ones(32, np.float32)}))
    monkeypatch.setattr(safetensors.torch, "load_file", lambda *_, **__: pytest.fail("opened"))
    said = f"made from another base than tiny: other shapes: {name}, which the base does not have"
    assert CheckResult("fail", said) == check_base(candidate, base, None)
