"""Trained models as they arrive from elsewhere: copies, to damage."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from safetensors.numpy import load_file, save_file

from harness.candidates import Candidate, find_candidate
from harness.checkpoints.record import ARRAYS, RECORD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def arrived(tiny_inputs: Any, tiny_trained: dict[str, Path], tmp_path: Path) -> Callable[..., Candidate]:
    """A candidate of a strategy, in a directory of its own; without what its training recorded where it is asked so."""

    def copy(strategy: Any, *, recorded: bool = True) -> Candidate:
        path = shutil.copytree(tiny_trained["lora" if strategy == "lora" else "standard"], tmp_path / "arrived")
        for name in () if recorded else (RECORD, ARRAYS):
            (path / name).unlink()
        return find_candidate(tiny_inputs.case, strategy, path)

    return copy


@pytest.fixture(scope="session")
def edit_json() -> Callable[..., None]:
    """Sets keys of a JSON file that holds an object; None takes a key away."""

    def edit(path: Path, **changes: Any) -> None:
        content = {**json.loads(path.read_text(encoding="utf-8")), **changes}
        kept = {key: value for key, value in content.items() if not (key in changes and value is None)}
        path.write_text(json.dumps(kept), encoding="utf-8")

    return edit


@pytest.fixture(scope="session")
def edit_tensors() -> Callable[[Path, Callable[[dict[str, Any]], Any]], None]:
    """Changes the tensors of a safetensors file."""

    def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
        tensors = dict(load_file(path))
        change(tensors)
        save_file(tensors, path, metadata={"format": "pt"})

    return edit
