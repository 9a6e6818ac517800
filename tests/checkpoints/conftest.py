"""Checkpoints of the tiny models, and copies of them to damage."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from harness.checkpoints import Checkpoint, ResolvedBase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def originals(tiny_inputs: Any, tiny_trained: dict[str, Path]) -> dict[str, Checkpoint]:
    base = tiny_inputs.base
    return {
        "base": Checkpoint("base", base, base.path),
        "full": Checkpoint("full", base, tiny_trained["standard"]),
        "lora": Checkpoint("lora", base, tiny_trained["lora"]),
    }


@pytest.fixture
def copied(originals: dict[str, Checkpoint], tmp_path: Path) -> Callable[[str], Checkpoint]:
    """A copy of a checkpoint, to damage."""

    def copy(strategy: str) -> Checkpoint:
        original, path = originals[strategy], tmp_path / "copy"
        shutil.copytree(original.path, path)
        base = original.base
        if strategy == "base":
            base = ResolvedBase(base.name, base.revision, path, base.digest)
        return Checkpoint(strategy, base, path)

    return copy
