"""The whole gate on one directory, in this process, and the table of what it caught."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .goods import GOODS
from .tools import Shop, change_tensors, set_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.baselines import Baseline
    from harness.run import CaseRun

    from .table import FaultsTable


@pytest.fixture(scope="session")
def tiny_baseline(tiny_run: CaseRun, tmp_path_factory: pytest.TempPathFactory) -> Baseline | None:
    """The tiny case's stored baseline."""
    from harness.baselines import read_baseline
    from harness.run import update_baseline

    path = tmp_path_factory.mktemp("baselines") / "baseline.json"
    update_baseline(tiny_run, path, None)
    return read_baseline(path)


@pytest.fixture(scope="session")
def shop(
    tiny_run: CaseRun,
    tiny_baseline: Baseline,
    build_tiny_base: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Shop:
    """What faults are made with. The adapter of another seed was trained for the baseline's tolerances."""

    def trained(model: str, **changes: Any) -> Path:
        artefact = tiny_run.training(model, **changes)
        assert artefact is not None
        return artefact.verified

    root = tmp_path_factory.mktemp("bases")
    return Shop(
        inputs=tiny_run.inputs,
        adapter=trained("lora"),
        other_adapter=trained("lora", seed=2),
        whole=trained("standard"),
        other_base=build_tiny_base(root / "other", seed=1),
        wide_base=_widen(build_tiny_base(root / "wide", seed=1)),
    )


@pytest.fixture
def make_good(shop: Shop, tmp_path: Path) -> Callable[[str], Path]:
    """Makes a good artefact: a directory that can be changed."""

    def make(good: str) -> Path:
        directory = tmp_path / "candidate"
        GOODS[good](directory, shop)
        return directory

    return make


@pytest.fixture(scope="session")
def run_of(tiny_run: CaseRun, tiny_baseline: Baseline) -> Callable[..., CaseRun]:
    """A gate run on a directory, as the plugin makes it; what the session's store holds is not made again."""
    from harness.baselines import comparable
    from harness.run import CaseRun, prepare
    from harness.verification import find_candidate

    from .gating import InThisProcess

    def run(good: str, directory: Path, *, load_paths: bool = True) -> CaseRun:
        kind = good.split()[0]
        case, stands_for = tiny_run.inputs.case, "lora" if kind == "merged" else None
        candidate = find_candidate(case, "lora" if kind == "adapter" else "full", directory, stands_for)
        inputs = prepare(case, candidate)
        ctx = replace(tiny_run.ctx, executor=InThisProcess(tiny_run.ctx.executor, load_paths))
        return CaseRun(ctx, inputs, comparable(tiny_baseline, inputs.origin))

    return run


@pytest.fixture(scope="session")
def faults_table() -> Iterator[FaultsTable]:
    """Collects what was caught, and writes it as Markdown to the file that the variable `FAULTS_TABLE` names."""
    from .table import FaultsTable

    table = FaultsTable()
    yield table
    if os.environ.get("FAULTS_TABLE"):
        table.write(Path(os.environ["FAULTS_TABLE"]))


def _widen(base: Path) -> Path:
    """Double the width: the same names, other shapes."""
    from harness.models import WEIGHTS

    change_tensors(base / WEIGHTS, lambda found: {n: v.repeat(*(2 for _ in v.shape)) for n, v in found.items()})
    set_json(base / "config.json", hidden_size=64, intermediate_size=128)
    shutil.rmtree(base / "1_Pooling")
    return base
