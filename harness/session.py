"""What one pytest run works with: its cases, and where their artefacts are kept."""

from __future__ import annotations

import pytest

from harness.baselines import baseline_path, read_baseline
from harness.case import read_case
from harness.errors import CaseError
from harness.pipeline import Inputs, Workplace, prepare
from harness.progress import TerminalProgress
from harness.store import Store

_INPUTS = pytest.StashKey[list[Inputs]]()


def prepared_cases(config: pytest.Config) -> list[Inputs]:
    """Every case of this run, read and verified once.

    Raises:
        HarnessError: A case, its data or its base is not what it should be.
    """
    if _INPUTS not in config.stash:
        paths = config.getoption("harness_cases") or sorted(config.rootpath.glob("fixtures/*/case.toml"))
        if not paths:
            raise CaseError(f"no case: expected {config.rootpath}/fixtures/*/case.toml, or --case PATH")
        cases = [read_case(path) for path in paths]
        names = [case.name for case in cases]
        if len(set(names)) < len(names):
            raise CaseError(f"--case: the cases are named by their directories, and two are the same: {sorted(names)}")
        for case in cases:
            read_baseline(
                baseline_path(config.rootpath / "baselines", case)
            )  # a broken one is found out before any work
        config.stash[_INPUTS] = [prepare(case) for case in cases]
    return config.stash[_INPUTS]


def workplace(config: pytest.Config) -> Workplace:
    """The store below the root directory, and progress in the terminal."""
    return Workplace(Store(config.rootpath / ".harness" / "store"), TerminalProgress(config))
