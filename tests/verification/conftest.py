"""Trained models as candidates: copies, to damage."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.models.record import ARRAYS, RECORD
from harness.verification import Candidate, find_candidate


@pytest.fixture
def make_candidate(tiny_inputs: Any, tiny_trained: dict[str, Path], tmp_path: Path) -> Callable[..., Candidate]:
    """A candidate of a strategy, in a directory of its own; without the record of its training where asked so."""

    def copy(strategy: Any, *, recorded: bool = True) -> Candidate:
        path = shutil.copytree(tiny_trained["lora" if strategy == "lora" else "standard"], tmp_path / "candidate")
        for name in () if recorded else (RECORD, ARRAYS):
            (path / name).unlink()
        return find_candidate(tiny_inputs.case, strategy, path)

    return copy


@pytest.fixture
def with_holes(
    make_candidate: Callable[..., Candidate], tiny_inputs: Any, edit_tensors: Callable[..., None]
) -> Candidate:
    """A model without the weights of its attention: transformers draws them at random, and only logs it."""
    path = make_candidate("full", recorded=False).path
    edit_tensors(path / "model.safetensors", lambda t: [t.pop(name) for name in list(t) if ".self." in name])
    return find_candidate(tiny_inputs.case, "full", path)
