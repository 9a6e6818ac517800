"""The pytest plugin: options, markers, hooks. Wiring only: nothing but pytest is imported before its use."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.causes import Causes
from harness.plugin.fixtures import case_run, judge, note, session_of

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["case_run", "judge", "note"]  # pytest finds fixtures by their names here

DEVICES = ("auto", "cpu", "cuda", "mps")

MARKERS = {
    "full": "trains, evaluates and gates every model of every case",
    "gate": "verifies and gates a model that was trained elsewhere, without training",
    "learning_rate": "trains the adapter at the learning rate of full fine-tuning and at ten times it",
    "bench": "measures encode latency",
    "speed": "measures each stage, and the training against the trainer's defaults",
}

_REFUSED = pytest.StashKey[str]()


def _directory(value: str) -> Path:
    """Return a path that someone gave: an unset variable would otherwise mean the working directory."""
    if not value.strip():
        raise argparse.ArgumentTypeError("got nothing, expected a directory")
    return Path(value)


_SWITCHES = {
    "--update-baselines": "store what this run measures as the new baselines, unless a hard gate fails; prints changes",
    "--strict-verdicts": "an inconclusive verdict fails its test; without it, it is a warning",
    "--force-update": "lets --update-baselines write although CI is set",
}
_VALUES = {
    "--adapter": ("DIR", _directory, "with -m gate: the PEFT adapter that wants to ship"),
    "--full-model": ("DIR", _directory, "with -m gate: the whole model that wants to ship"),
    "--as": ("MODEL", str, "with -m gate: the case's model to compare with (by default the only one of its kind)"),
    "--base-model": ("DIR", _directory, "with -m gate: where the case's base lies, found otherwise; verified the same"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the harness's options."""
    group = parser.getgroup("embedding-harness", "regression gates for fine-tuned embedding models")
    cases = "case file to run (repeatable); by default every fixtures/*/case.toml"
    group.addoption("--case", action="append", default=[], type=Path, metavar="PATH", dest="harness_cases", help=cases)
    for option, words in _SWITCHES.items():
        group.addoption(option, action="store_true", help=words)
    seeds = "with --update-baselines: trainings for the tolerances, at least 3 (by default as the case says)"
    group.addoption("--seeds", type=int, metavar="N", help=seeds)
    device = "where models are trained and encode: auto is the best that the machine has"
    group.addoption("--device", choices=DEVICES, default=DEVICES[0], dest="harness_device", help=device)
    for option, (metavar, kind, words) in _VALUES.items():
        dest = f"harness_{option[2:].replace('-', '_')}"
        group.addoption(option, type=kind, metavar=metavar, dest=dest, help=words)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the harness's hooks."""
    from harness.plugin import hooks

    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(tryfirst=True)  # pytest-html reads its options when it is configured
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, refuse options that do not fit together, and make a run of gates write its report."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    config.stash[_REFUSED] = ""
    chosen = frozenset(name for name in MARKERS if re.search(rf"(?<!not )\b{name}\b", config.option.markexpr))
    _check_update_options(config)
    _check_candidate_options(config, chosen)
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(Causes(), "embedding-harness-causes")
    kinds = chosen & {"full", "gate", "learning_rate"}
    if kinds and not config.option.collectonly:
        from harness.plugin.collector import Collector

        if not config.option.htmlpath:
            directory = "" if "full" in kinds else next(iter(kinds))
            config.option.htmlpath = str(config.rootpath / "reports" / directory / "report.html")
            config.option.self_contained_html = True
        config.pluginmanager.register(Collector(config, kinds), "embedding-harness-collector")


def _check_update_options(config: pytest.Config) -> None:
    update, seeds = config.getoption("update_baselines"), config.getoption("seeds")
    if not update and (seeds is not None or config.getoption("force_update")):
        raise pytest.UsageError("--seeds and --force-update only go with --update-baselines")
    if seeds is not None and seeds < 3:
        raise pytest.UsageError(f"--seeds: got {seeds}, expected at least 3: fewer say nothing about the spread")
    if update and os.environ.get("CI") and not config.getoption("force_update"):
        raise pytest.UsageError("--update-baselines: CI is set, and baselines are a person's decision (--force-update)")
    if update and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("--update-baselines: run it in one process, without -n")


def _check_candidate_options(config: pytest.Config, chosen: frozenset[str]) -> None:
    given = [o for o in _VALUES if config.getoption(f"harness_{o[2:].replace('-', '_')}") is not None]
    if given and "gate" not in chosen:
        raise pytest.UsageError(f"{', '.join(given)} only goes with -m gate")
    if "gate" not in chosen:
        return
    if "full" in chosen:
        raise pytest.UsageError("-m gate and -m full are two runs: the one judges what the other would train")
    if config.getoption("update_baselines"):
        raise pytest.UsageError("--update-baselines goes with -m full: what was trained elsewhere is no reference")
    if not hasattr(config, "workerinput") and len({"--adapter", "--full-model"} & set(given)) != 1:
        raise pytest.UsageError(
            f"-m gate: got {' and '.join(given) or 'nothing to gate'}, expected one model that wants to ship:\n"
            "  pytest evals/ -m gate --adapter DIR      a PEFT adapter, on the case's base\n"
            "  pytest evals/ -m gate --full-model DIR   a whole sentence-transformers model\n"
            "and where they are needed: --case PATH, --as MODEL (what it is compared with), --base-model DIR"
        )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `case_run` for each case, and for each gate and subject or parameter that it names."""
    if "case_run" not in metafunc.fixturenames:
        return
    from harness.errors import HarnessError
    from harness.gates import GATES, PARAMETERS, subjects

    try:
        cases = session_of(metafunc.config).cases
    except HarnessError as error:
        metafunc.config.stash[_REFUSED] = str(error)
        metafunc.parametrize("case_run", [], indirect=True)
        return
    if "subject" in metafunc.fixturenames:
        rows = [
            pytest.param(
                name,
                gate,
                subject,
                id="-".join(filter(None, (name, gate.name, str(subject)))),
                marks=[getattr(pytest.mark, kind) for kind in sorted(gate.runs)],
            )
            for name, inputs in cases.items()
            for gate in GATES.values()
            for subject in subjects(gate, inputs)
        ]
        metafunc.parametrize(["case_run", "gate", "subject"], rows, indirect=["case_run"])
        return
    named = [name for name in metafunc.fixturenames if name in PARAMETERS]
    metafunc.parametrize("case_run", list(cases), indirect=True)
    for name in named:
        values = dict.fromkeys(part[name] for inputs in cases.values() for part in PARAMETERS[name](inputs))
        metafunc.parametrize(name, list(values))


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Stop the run before any work where a case cannot be run: once, not for every test."""
    if config.stash[_REFUSED]:
        raise pytest.UsageError(config.stash[_REFUSED])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,  # noqa: ARG001 - the hook's signature
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show an error that a user can mend as its message, without the way through our code."""
    report = yield
    # An error of ours needs its module to have been imported: only then it is worth importing here.
    if call.excinfo is not None and type(call.excinfo.value).__module__ == "harness.errors":
        report.longrepr = str(call.excinfo.value)
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the notes of the run: what an update changed, what a benchmark measured."""
    from harness.plugin.fixtures import notes_of

    for title, lines in notes_of(config):
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.line(line)
