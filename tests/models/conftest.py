"""Copies of the tiny models' checkpoints, to damage."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.models import Checkpoint


@pytest.fixture
def copied(checkpoints: dict[str, Checkpoint], tmp_path: Path) -> Callable[[str], Checkpoint]:
    """A copy of a checkpoint, to damage."""

    def copy(strategy: str) -> Checkpoint:
        original = checkpoints[strategy]
        path = shutil.copytree(original.path, tmp_path / "copy")
        base = dataclasses.replace(original.base, path=path) if strategy == "base" else original.base
        return dataclasses.replace(original, base=base, path=path)

    return copy
