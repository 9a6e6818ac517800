"""Trained models as candidates: copies, to damage."""

import shutil

import pytest

from harness.models.record import ARRAYS, RECORD
from harness.verification import find_candidate


@pytest.fixture
def make_candidate(tiny_inputs, tiny_trained, tmp_path):
    """A candidate of a strategy, in a directory of its own; without the record of its training where asked so."""

    def copy(strategy, *, recorded=True):
        path = shutil.copytree(tiny_trained["lora" if strategy == "lora" else "standard"], tmp_path / "candidate")
        for name in () if recorded else (RECORD, ARRAYS):
            (path / name).unlink()
        return find_candidate(tiny_inputs.case, strategy, path)

    return copy


@pytest.fixture
def with_holes(make_candidate, tiny_inputs, edit_tensors):
    """A model without the weights of its attention: transformers draws them at random, and only logs it."""
    path = make_candidate("full", recorded=False).path
    edit_tensors(path / "model.safetensors", lambda t: [t.pop(name) for name in list(t) if ".self." in name])
    return find_candidate(tiny_inputs.case, "full", path)
