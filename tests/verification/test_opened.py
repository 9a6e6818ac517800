"""Opened, a candidate is what its files say, tensor by tensor (`test_verify.py`), or it is named what is not."""

import dataclasses

import numpy as np
import pytest

from harness.models import ADAPTER
from harness.models.checkpoint import directory_digest
from harness.verification import CheckResult, opened

QUERY = "encoder.layer.0.attention.self.query.weight"


@pytest.fixture
def check(tiny_inputs):
    return lambda candidate: opened.check_opened(candidate=candidate, base=tiny_inputs.base, progress=lambda *_: None)


def test_where_an_adapter_does_not_open_its_merge_is_not_computed(make_candidate, check, edit_tensors):
    candidate = make_candidate("lora")
    edit_tensors(candidate.path / ADAPTER, lambda t: t.update(extra=np.ones(2, np.float32)))
    found = check(dataclasses.replace(candidate, sha256=directory_digest(candidate.path)))
    assert ("fail", True) == (found["complete"].outcome, "unexpected extra" in found["complete"].message)
    assert CheckResult("fail", "not computed: it does not open") == found["exact_merge"]
