"""Copies of the tiny models' checkpoints, to damage."""

import dataclasses
import shutil

import pytest


@pytest.fixture
def copied(checkpoints, tmp_path):
    def copy(strategy):
        original = checkpoints[strategy]
        path = shutil.copytree(original.path, tmp_path / "copy")
        base = dataclasses.replace(original.base, path=path) if strategy == "base" else original.base
        return dataclasses.replace(original, base=base, path=path)

    return copy
