"""The whole gate on one directory, in this process, and the table of what it caught."""

import shutil
from dataclasses import replace
from functools import cache

import pytest

from ..tables import written
from .goods import GOODS
from .methods import train
from .tools import Shop, change_tensors, set_json


@pytest.fixture(scope="session")
def tiny_baseline(tiny_run, tmp_path_factory):
    """The tiny case's stored baseline."""
    from harness.baselines import read_baseline
    from harness.run import update_baseline

    path = tmp_path_factory.mktemp("baselines") / "baseline.json"
    update_baseline(tiny_run, path, None)
    return read_baseline(path)


@pytest.fixture(scope="session")
def shop(tiny_run, tiny_baseline, build_tiny_base, tmp_path_factory):
    """What faults are made with. The adapter of another seed was trained for the baseline's tolerances."""

    def trained(model, **changes):
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
        by_method=cache(lambda method: train(method, tiny_run.inputs, tmp_path_factory.mktemp("method"))),
    )


@pytest.fixture
def make_good(shop, tmp_path):
    """Makes a good artefact: a directory that can be changed."""

    def make(good):
        directory = tmp_path / "candidate"
        GOODS[good](directory, shop)
        return directory

    return make


@pytest.fixture(scope="session")
def run_of(tiny_run, tiny_baseline):
    """A gate run on a directory, as the plugin makes it; what the session's store holds is not made again."""
    from harness.baselines import comparable
    from harness.run import CaseRun, prepare
    from harness.verification import find_candidate

    from .gating import InThisProcess

    def run(good, directory, *, load_paths=True):
        kind = good.split()[0]
        case, stands_for = tiny_run.inputs.case, "lora" if kind == "merged" else None
        candidate = find_candidate(case, "lora" if kind == "adapter" else "full", directory, stands_for)
        inputs = prepare(case, candidate)
        ctx = replace(tiny_run.ctx, executor=InThisProcess(tiny_run.ctx.executor, load_paths))
        return CaseRun(ctx, inputs, comparable(tiny_baseline, inputs.origin))

    return run


@pytest.fixture(scope="session")
def faults_table():
    """Collects what was caught, and writes it as Markdown to the file that the variable `FAULTS_TABLE` names."""
    from .table import FaultsTable

    table = FaultsTable()
    yield from written("FAULTS_TABLE", table, table.write)


def _widen(base):
    """Double the width: the same names, other shapes."""
    from harness.models import WEIGHTS

    change_tensors(base / WEIGHTS, lambda found: {n: v.repeat(*(2 for _ in v.shape)) for n, v in found.items()})
    set_json(base / "config.json", hidden_size=64, intermediate_size=128)
    shutil.rmtree(base / "1_Pooling")
    return base
