"""Opened, a candidate is what its files say, tensor by tensor, or the check that fails names what is not."""

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness.models import ADAPTER
from harness.models.checkpoint import directory_digest
from harness.verification import CheckResult, opened

QUERY = "encoder.layer.0.attention.self.query.weight"


@pytest.fixture
def check(tiny_inputs):
    return lambda candidate: opened.check_opened(candidate=candidate, base=tiny_inputs.base, progress=lambda *_: None)


def test_a_trained_adapter_is_complete_and_merges_exactly(make_candidate, check):
    candidate = make_candidate("lora")
    tensors = load_file(candidate.path / ADAPTER)
    factors = [(tensors[name.replace("lora_A", "lora_B")], tensors[name]) for name in tensors if "lora_A" in name]
    largest = max(np.abs(8 / 4 * b.astype(np.float64) @ a).max() for b, a in factors)
    found = check(candidate)
    assert {"complete": "pass", "exact_merge": "pass"} == {name: result.outcome for name, result in found.items()}
    assert found["exact_merge"].message.endswith(f"base plus scaling x B x A: weights change by up to {largest:.2g}")


def test_where_an_adapter_does_not_open_its_merge_is_not_computed(make_candidate, check, edit_tensors):
    candidate = make_candidate("lora")
    edit_tensors(candidate.path / ADAPTER, lambda t: t.update(extra=np.ones(2, np.float32)))
    found = check(dataclasses.replace(candidate, sha256=directory_digest(candidate.path)))
    assert ("fail", True) == (found["complete"].outcome, "unexpected extra" in found["complete"].message)
    assert CheckResult("fail", "not computed: it does not open") == found["exact_merge"]


def test_a_merge_that_is_not_exact_is_named(make_candidate, check, monkeypatch):
    merge = opened.merge

    def inexact(model):
        merged = merge(model)
        dict(merged.transformers_model.named_parameters())[QUERY].data.mul_(1.001)
        return merged

    monkeypatch.setattr(opened, "merge", inexact)
    found = check(make_candidate("lora"))
    assert ("pass", "fail") == (found["complete"].outcome, found["exact_merge"].outcome)
    assert f"float64: {QUERY} (off by up to " in found["exact_merge"].message
