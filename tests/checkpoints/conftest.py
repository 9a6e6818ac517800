"""Copies of the tiny models' checkpoints, to damage."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from harness.checkpoints import Checkpoint, ResolvedBase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def copied(checkpoints: dict[str, Checkpoint], tmp_path: Path) -> Callable[[str], Checkpoint]:
    """A copy of a checkpoint, to damage."""

    def copy(strategy: str) -> Checkpoint:
        original, path = checkpoints[strategy], tmp_path / "copy"
        shutil.copytree(original.path, path)
        base = original.base
        if strategy == "base":
            base = ResolvedBase(base.name, base.revision, path, base.digest)
        return Checkpoint(strategy, base, path)

    return copy
