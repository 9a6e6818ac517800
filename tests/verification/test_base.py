"""The base that a candidate names is compared as far as the name tells; other bases are rows of `tests/faults`."""

import dataclasses

import numpy as np

from harness.models import ADAPTER_CONFIG, WEIGHTS, read_record
from harness.verification import CheckResult, check_base

COMMIT = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"


def test_a_right_record_does_not_excuse_a_wrong_name(make_candidate, tiny_inputs, edit_json):
    candidate = make_candidate("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, base_model_name_or_path="someone/another-model")
    found = check_base(candidate, tiny_inputs.base, read_record(candidate.path))
    assert "fail" == found.outcome  # whoever opens the adapter by itself gets that other model
    assert found.message.endswith("names the base someone/another-model, but the case's base is tiny")


def test_the_base_that_an_adapter_names_is_compared(make_candidate, tiny_inputs, edit_json):
    candidate = make_candidate("lora", recorded=False)
    base = dataclasses.replace(tiny_inputs.base, name="org/tiny", revision=COMMIT)
    other = f"names revision 2{COMMIT[1:]}, but the case's base is at {COMMIT}"
    for name, revision, outcome, said in (
        ("tiny", None, "inconclusive", "names the base tiny, and has its shape, but no digest of the base is recorded"),
        ("org/tiny", COMMIT[:12], "inconclusive", f"names the base org/tiny at revision {COMMIT[:12]}, and has its"),
        ("org/tiny", "2" + COMMIT[1:], "fail", other),
    ):
        edit_json(candidate.path / ADAPTER_CONFIG, base_model_name_or_path=name, revision=revision)
        found = check_base(candidate, base, None)
        assert (outcome, True) == (found.outcome, said in found.message), found.message


def test_a_model_with_another_layer_is_of_another_base(make_candidate, tiny_inputs, edit_tensors):
    candidate = make_candidate("full", recorded=False)
    name = "encoder.layer.2.output.dense.bias"
    edit_tensors(candidate.path / WEIGHTS, lambda t: t.update({name: np.ones(32, np.float32)}))
    said = f"made from another base than tiny: other shapes: {name}, which the base does not have"
    assert CheckResult("fail", said) == check_base(candidate, tiny_inputs.base, None)
