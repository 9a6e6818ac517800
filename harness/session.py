"""What one pytest run works with: its cases, and where their artefacts are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.baselines import baseline_path, read_baseline
from harness.candidates import find_candidate
from harness.case import Case, read_case
from harness.checkpoints import read_record
from harness.errors import CaseError
from harness.inputs import Inputs, prepare
from harness.progress import TerminalProgress
from harness.store import Store, file_digest
from harness.workplace import Workplace

if TYPE_CHECKING:
    from pathlib import Path

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
            # A broken one is found out before any work.
            read_baseline(baseline_path(config.rootpath / "baselines", case))
        gated = config.getoption("harness_adapter") or config.getoption("harness_full_model")
        config.stash[_INPUTS] = [_gated(config, cases)] if gated else [prepare(case) for case in cases]
    return config.stash[_INPUTS]


def workplace(config: pytest.Config) -> Workplace:
    """The store below the root directory, and progress in the terminal."""
    progress = TerminalProgress(config)
    root = config.rootpath / ".harness" / "store"
    waiting = f"another run builds in {root}; waiting for it"
    return Workplace(Store(root, on_wait=lambda: progress("store", 0.0, waiting)), progress)


def _gated(config: pytest.Config, cases: list[Case]) -> Inputs:
    """The one case of a gate run, with the candidate in the place of one of its models."""
    adapter, whole = config.getoption("harness_adapter"), config.getoption("harness_full_model")
    case = cases[0] if len(cases) == 1 else _trained_on(cases, adapter or whole)
    stands_for = config.getoption("harness_as")
    candidate = (
        find_candidate(case, "lora", adapter, stands_for)
        if adapter
        else find_candidate(case, "full", whole, stands_for)
    )
    directory = config.getoption("harness_base_model")
    if directory is not None:
        if not directory.is_dir():
            raise CaseError(f"--base-model {directory}: nothing there; expected the directory of {case.base.name}")
        base = case.base.model_copy(update={"package": None, "path": str(directory.absolute())})
        case = case.model_copy(update={"base": base})
    return prepare(case, candidate)


def _trained_on(cases: list[Case], path: Path) -> Case:
    """The case whose pairs a candidate's record names."""
    if not path.is_dir():
        raise CaseError(f"{path}: no directory; expected the model that wants to ship")
    record = read_record(path)
    known = [case for case in cases if record is not None and file_digest(case.train_path) == record.pairs_digest]
    if len(known) == 1:
        return known[0]
    names = ", ".join(str(case.path) for case in known or cases)
    recorded = "names no training pairs" if record is None else f"names training pairs {record.pairs_digest[:12]}"
    raise CaseError(f"{path}: {recorded}, and there are {names}; say by which it is gated: --case PATH")
