"""The whole gate on one directory, in this process, and the table of what it caught."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .collection import ROWS
from .goods import GOODS
from .tools import Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.baselines import Baseline
    from harness.gates import Verdict
    from harness.pipeline import CaseRun
    from harness.workplace import Workplace


@pytest.fixture(scope="session")
def tiny_baseline(tiny_run: CaseRun, tmp_path_factory: pytest.TempPathFactory) -> Baseline | None:
    """The tiny case's stored baseline."""
    from harness.baselines import baseline_path, read_baseline
    from harness.promises import update_baseline

    root = tmp_path_factory.mktemp("baselines")
    update_baseline(tiny_run, root, None)
    return read_baseline(baseline_path(root, tiny_run.case))


@pytest.fixture(scope="session")
def shop(
    tiny_run: CaseRun,
    tiny_baseline: Baseline,
    build_tiny_base: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Shop:
    """What faults are made with. The adapter of another seed was trained for the baseline's tolerances."""
    from harness.pipeline import train_model

    inputs, work, root = tiny_run.inputs, tiny_run.work, tmp_path_factory.mktemp("bases")
    return Shop(
        inputs=inputs,
        adapter=train_model(work, inputs, "lora").path,
        other_adapter=train_model(work, inputs, "lora", seed=2).path,
        whole=train_model(work, inputs, "standard").path,
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
    from harness.candidates import find_candidate
    from harness.inputs import prepare
    from harness.pipeline import CaseRun

    def run(good: str, directory: Path, *, ways: bool = True) -> CaseRun:
        kind = good.split()[0]
        candidate = (
            find_candidate(tiny_run.case, "lora", directory)
            if kind == "adapter"
            else find_candidate(tiny_run.case, "full", directory, "lora" if kind == "merged" else None)
        )
        work = tiny_run.work if ways else _without_ways(tiny_run.work)
        return CaseRun(work, prepare(tiny_run.case, candidate), tiny_baseline)

    return run


@pytest.fixture(scope="session")
def verdicts_of() -> Callable[[CaseRun], Iterator[Verdict]]:
    """The verdicts of `pytest evals/ -m gate` in a run: the proofs in their order, then every other gate.

    One by one, so that who wants to know the first need not wait for the last. An error that a gate raises, which fails
    its test, is a verdict here.
    """
    from harness.errors import HarnessError
    from harness.gates import proven
    from harness.promises import PARAMETERS

    def verdicts(run: CaseRun) -> Iterator[Verdict]:
        for name, (function, parameters) in _gates().items():
            for chosen in itertools.product(*(PARAMETERS[parameter](run.inputs).items() for parameter in parameters)):
                try:
                    yield function(run, *(value for _, value in chosen))
                except HarnessError as error:
                    failed = chosen[0][0] if name == "proof" else name
                    assert run.inputs.candidate is not None
                    yield proven(failed, run.inputs.candidate.model, "fail", f"not measured: {error}")

    return verdicts


@pytest.fixture
def gate(
    run_of: Callable[..., CaseRun], verdicts_of: Callable[[CaseRun], Iterator[Verdict]]
) -> Callable[..., Iterator[Verdict]]:
    """The gate's verdicts on a directory.

    Who knows that a proof before `ways` fails can leave `ways` out: it takes most of the time.
    """
    return lambda good, directory, *, ways=True: verdicts_of(run_of(good, directory, ways=ways))


@pytest.fixture(scope="session")
def faults_table() -> Iterator[FaultsTable]:
    """Collects what was caught, and writes it as Markdown to the file that the variable `FAULTS_TABLE` names."""
    table = FaultsTable()
    yield table
    if os.environ.get("FAULTS_TABLE"):
        table.write(Path(os.environ["FAULTS_TABLE"]))


class FaultsTable:
    """What was caught by what, a row each."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[str, str]] = {}

    def add(self, fault: str, caught_by: str, message: str) -> None:
        """Adds a row; a later one of the same fault replaces it.

        Args:
            fault: A key of `ROWS`.
            caught_by: The verdict that caught it.
            message: What it said.
        """
        self._rows[fault] = (caught_by, message)

    def write(self, path: Path) -> None:
        """Writes the table, in the order of the collection."""
        from harness.github import markdown_text
        from harness.store import write_whole

        order = {fault: number for number, fault in enumerate(ROWS)}
        rows = sorted(self._rows.items(), key=lambda row: order.get(row[0], len(order)))
        lines = [
            "# Faults that the adapter gate is tested with",
            "",
            "Each row is an artefact that is made bad on purpose in `tests/faults/`, where the docstring of the",
            "function says how that comes about and where it was seen; the first check of `pytest evals/ -m gate` that",
            "does not let it pass; and what that check says. DIR is the directory that is gated, TMP another place.",
            "`make faults` writes this file.",
            "",
            "| fault | caught by | message |",
            "|---|---|---|",
            *(
                f"| {markdown_text(fault)} | {caught_by} | {markdown_text(_the_same_each_time(message))} |"
                for fault, (caught_by, message) in rows
            ),
        ]
        write_whole(path, "\n".join(lines) + "\n")


def _without_ways(work: Workplace) -> Workplace:
    """A workplace with the same store that does not open a candidate in every way, and finds none."""
    from harness.candidates import enter
    from harness.workplace import Workplace

    class Hasty(Workplace):
        def stage(self, title: str, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
            if function is not enter:
                return super().stage(title, function, *arguments)
            from safetensors.numpy import save_file

            save_file({}, arguments[-1])
            return {"settings": {}, "errors": {}, "seconds": 0.0, "peak_rss_mb": 0.0}

    return Hasty(work.store, work.on_progress)


def _gates() -> dict[str, tuple[Callable[..., Verdict], tuple[str, ...]]]:
    """Every gate with the parameters that it runs over: the proofs first, and then as `evals/` has them."""
    from harness import promises

    return {
        "proof": (promises.proof_holds, ("proof",)),
        "audit": (promises.data_is_sound, ("check",)),
        "diverges": (promises.diverges, ("adapter", "texts")),
        "merge_agrees": (promises.merge_agrees, ("adapter",)),
        "comparable": (promises.baseline_is_comparable, ()),
        "memory": (lambda run, stage: promises.fits_memory(run, *stage), ("stage",)),
        "metric": (promises.metric_holds, ("model", "metric")),
        "category": (lambda run, model, one: promises.category_holds(run, model, *one), ("model", "category")),
        "beats_base": (promises.beats_base, ("trained", "gain")),
        "share": (promises.reaches_share, ("share",)),
    }


def _the_same_each_time(message: str) -> str:
    """A message without what changes from run to run: temporary paths and digests."""
    message = re.sub(r"/\S*?/candidate\b", "DIR", message)
    message = re.sub(r"/(?:\S+/)*(?:pytest-|harness-)[^\s:;,)]*", "TMP", message)
    message = re.sub(r"\b[0-9a-f]{12,64}\b", "…", message)
    return " ".join(message.split())


def _widen(base: Path) -> Path:
    """Twice the width: the same names, other shapes."""
    from harness.checkpoints import WEIGHTS

    from .tools import change_json, change_tensors

    change_tensors(base / WEIGHTS, lambda t: {n: v.repeat(*(2 for _ in v.shape)) for n, v in t.items()})
    change_json(base / "config.json", hidden_size=64, intermediate_size=128)
    shutil.rmtree(base / "1_Pooling")
    return base
