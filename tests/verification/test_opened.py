"""Opened, a candidate is what its files say, tensor by tensor, or the check that fails names what is not."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness.models import ADAPTER
from harness.models.checkpoint import directory_digest
from harness.verification import Candidate, CheckResult, opened
from harness.verification.opened import check_opened

Check = Callable[[Candidate], dict[str, CheckResult]]

QUERY = "encoder.layer.0.attention.self.query"


@pytest.fixture
def check(tiny_inputs: Any) -> Check:
    return lambda candidate: check_opened(candidate=candidate, base=tiny_inputs.base, progress=lambda *_: None)


def test_a_trained_adapter_is_complete_and_merges_exactly(
    make_candidate: Callable[..., Candidate], check: Check
) -> None:
    candidate = make_candidate("lora")
    tensors = load_file(candidate.path / ADAPTER)
    changes = [
        8 / 4 * tensors[name.replace("lora_A", "lora_B")].astype(np.float64) @ tensors[name]
        for name in tensors
        if "lora_A" in name
    ]
    largest = max(np.abs(change).max() for change in changes)
    merged = f"merged, it is the base plus scaling x B x A: weights change by up to {largest:.2g}"
    assert check(candidate) == {
        "complete": CheckResult("pass", "every tensor of its files is in the opened model, and nothing else is"),
        "exact_merge": CheckResult("pass", merged),
    }


def test_where_an_adapter_does_not_open_its_merge_is_not_computed(
    make_candidate: Callable[..., Candidate], check: Check, edit_tensors: Callable[..., None]
) -> None:
    candidate = make_candidate("lora")
    edit_tensors(candidate.path / ADAPTER, lambda t: t.update(extra=np.ones(2, np.float32)))
    found = check(dataclasses.replace(candidate, sha256=directory_digest(candidate.path)))
    assert "fail" == found["complete"].outcome
    assert "unexpected extra" in found["complete"].message
    assert CheckResult("fail", "not computed: it does not open") == found["exact_merge"]


def test_a_merge_that_is_not_exact_is_named(
    make_candidate: Callable[..., Candidate], check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge = opened.merge

    def inexact(model: Any) -> Any:
        merged = merge(model)
        dict(merged.transformers_model.named_parameters())[f"{QUERY}.weight"].data.mul_(1.001)
        return merged

    monkeypatch.setattr(opened, "merge", inexact)
    found = check(make_candidate("lora"))
    assert ("pass", "fail") == (found["complete"].outcome, found["exact_merge"].outcome)
    assert f"float64: {QUERY}.weight (off by up to " in found["exact_merge"].message
