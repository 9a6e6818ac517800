"""The pytest plugin: options, markers, fixtures, hooks. Wiring only: nothing but pytest is imported before its use."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from harness.gates import Verdict
    from harness.inputs import Inputs
    from harness.pipeline import CaseRun

_BAD_CASE = pytest.StashKey[str]()
_NOTES = pytest.StashKey[list[tuple[str, list[str]]]]()


def _directory(value: str) -> Path:
    """A path that someone gave: an unset variable would otherwise mean the working directory."""
    if not value.strip():
        raise argparse.ArgumentTypeError("got nothing, expected a directory")
    return Path(value)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the harness's options."""
    group = parser.getgroup("embedding-harness", "regression gates for fine-tuned embedding models")
    group.addoption(
        "--case",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        dest="harness_cases",
        help="case file to run (repeatable); by default every fixtures/*/case.toml",
    )
    group.addoption(
        "--update-baselines",
        action="store_true",
        help="store what this run measures as the new baselines, unless a hard gate fails; prints what changed",
    )
    group.addoption(
        "--seeds",
        type=int,
        metavar="N",
        help="with --update-baselines: trainings for the tolerances, at least 3 (by default as the case says)",
    )
    group.addoption(
        "--adapter",
        type=_directory,
        metavar="DIR",
        dest="harness_adapter",
        help="with -m gate: the PEFT adapter that wants to ship",
    )
    group.addoption(
        "--full-model",
        type=_directory,
        metavar="DIR",
        dest="harness_full_model",
        help="with -m gate: the whole model that wants to ship",
    )
    group.addoption(
        "--as",
        metavar="MODEL",
        dest="harness_as",
        help="with -m gate: the case's model that it is held against (by default the only one of its kind)",
    )
    group.addoption(
        "--base-model",
        type=_directory,
        metavar="DIR",
        dest="harness_base_model",
        help="with -m gate: where the case's base lies, instead of where the case finds it; verified the same",
    )
    group.addoption(
        "--strict-verdicts",
        action="store_true",
        help="an inconclusive verdict fails its test; without it, it is a warning",
    )
    group.addoption("--force-update", action="store_true", help="lets --update-baselines write although CI is set")


@pytest.hookimpl(tryfirst=True)  # pytest-html reads its options when it is configured
def pytest_configure(config: pytest.Config) -> None:
    """Registers the markers, refuses options that do not fit together, and makes a full run write its report."""
    config.addinivalue_line("markers", "full: trains, evaluates and gates every model of every case")
    config.addinivalue_line("markers", "gate: proves and gates a model that comes from elsewhere, without training")
    config.addinivalue_line("markers", "bench: measures encode latency")
    config.addinivalue_line("markers", "speed: measures each stage, and the training against the trainer's defaults")
    config.stash[_BAD_CASE] = ""
    config.stash[_NOTES] = []
    update, seeds = config.getoption("update_baselines"), config.getoption("seeds")
    if not update and (seeds is not None or config.getoption("force_update")):
        raise pytest.UsageError("--seeds and --force-update only go with --update-baselines")
    if seeds is not None and seeds < 3:
        raise pytest.UsageError(f"--seeds: got {seeds}, expected at least 3: fewer say nothing about the spread")
    if update and os.environ.get("CI") and not config.getoption("force_update"):
        raise pytest.UsageError("--update-baselines: CI is set, and baselines are a person's decision (--force-update)")
    if update and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("--update-baselines: run it in one process, without -n")
    full, gate = (re.search(rf"(?<!not )\b{name}\b", config.option.markexpr) for name in ("full", "gate"))
    _check_gate_options(config, full=bool(full), gate=bool(gate))
    if (full or gate) and not config.option.collectonly and not hasattr(config, "workerinput"):
        from harness.collector import Collector

        if not config.option.htmlpath:
            directory = config.rootpath / "reports" / ("gate" if gate else "")
            config.option.htmlpath = str(directory / "report.html")
            config.option.self_contained_html = True
        config.pluginmanager.register(Collector(config), "embedding-harness-collector")


def _check_gate_options(config: pytest.Config, *, full: bool, gate: bool) -> None:
    given = [
        f"--{name.replace('_', '-')}"
        for name in ("adapter", "full_model", "as", "base_model")
        if config.getoption(f"harness_{name}") is not None
    ]
    if given and not gate:
        raise pytest.UsageError(f"{', '.join(given)} only goes with -m gate")
    if gate and full:
        raise pytest.UsageError("-m gate and -m full are two runs: the one judges what the other would train")
    if gate and config.getoption("update_baselines"):
        raise pytest.UsageError("--update-baselines goes with -m full: what comes from elsewhere is no reference")
    if gate and not hasattr(config, "workerinput") and len({"--adapter", "--full-model"} & set(given)) != 1:
        raise pytest.UsageError(
            f"-m gate: got {' and '.join(given) or 'nothing to gate'}, expected one model that wants to ship:\n"
            "  pytest evals/ -m gate --adapter DIR      a PEFT adapter, on the case's base\n"
            "  pytest evals/ -m gate --full-model DIR   a whole sentence-transformers model\n"
            "and where they are needed: --case PATH, --as MODEL (what it is held against), --base-model DIR"
        )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that asks for `case_run` for each case, and for each value of the promises' parameters it names."""
    if "case_run" not in metafunc.fixturenames:
        return
    from harness.errors import HarnessError
    from harness.promises import PARAMETERS
    from harness.session import prepared_cases

    cases: list[Inputs] = []
    try:
        cases = prepared_cases(metafunc.config)
    except HarnessError as error:
        metafunc.config.stash[_BAD_CASE] = str(error)
    names = [name for name in metafunc.fixturenames if name in PARAMETERS]
    rows = []
    for inputs in cases:
        for chosen in itertools.product(*(PARAMETERS[name](inputs).items() for name in names)):
            keys, values = [key for key, _ in chosen], [value for _, value in chosen]
            rows.append(pytest.param(inputs, *values, id="-".join([inputs.case.name, *keys])))
    metafunc.parametrize(["case_run", *names], rows, indirect=["case_run"])


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Stops the run before any work where a case cannot be run: once, not for every test."""
    if config.stash[_BAD_CASE]:
        raise pytest.UsageError(config.stash[_BAD_CASE])


@pytest.fixture(scope="session")
def case_runs(pytestconfig: pytest.Config) -> Callable[[Inputs], CaseRun]:
    """A case's run, the same for every test: models are trained, encoded and measured when they are first asked for."""
    from harness.baselines import baseline_path, read_baseline
    from harness.errors import HarnessError
    from harness.pipeline import CaseRun
    from harness.promises import update_baseline
    from harness.session import workplace

    root = pytestconfig.rootpath / "baselines"
    runs: dict[Path, CaseRun | HarnessError] = {}

    def run_of(inputs: Inputs) -> CaseRun:
        if inputs.case.path not in runs:
            try:
                runs[inputs.case.path] = start(inputs)
            except HarnessError as error:
                runs[inputs.case.path] = error  # every test is told, and nothing is tried again
        run = runs[inputs.case.path]
        if isinstance(run, HarnessError):
            raise run
        return run

    def start(inputs: Inputs) -> CaseRun:
        stored = baseline_path(root, inputs.case)
        run = CaseRun(workplace(pytestconfig), inputs, read_baseline(stored))
        if pytestconfig.getoption("update_baselines"):
            changed = update_baseline(run, root, pytestconfig.getoption("seeds"))
            pytestconfig.stash[_NOTES].append((f"{stored}: {'updated' if changed else 'unchanged'}", changed))
            run = replace(run, baseline=read_baseline(stored))
        return run

    return run_of


@pytest.fixture
def case_run(request: pytest.FixtureRequest, case_runs: Callable[[Inputs], CaseRun]) -> CaseRun:
    """The case that this test is about, with its stored baseline."""
    return case_runs(request.param)


@pytest.fixture
def judge(request: pytest.FixtureRequest, case_run: CaseRun) -> Callable[[Verdict], None]:
    """Records a verdict for the report; fails the test on `fail`, and warns on `inconclusive`, or fails if asked to."""
    # Not by `record_property`: under pytest's default JUnit family it warns, and comes out the same.
    properties = request.node.user_properties

    def record(verdict: Verdict) -> None:
        from harness.gates import PROPERTY, to_json

        content = {"case": case_run.case.name, **to_json(verdict)}
        properties.append((PROPERTY, json.dumps(content)))
        # For people and tools that read JUnit XML: plain properties, numbered from a test's second verdict on.
        nth = sum(name == PROPERTY for name, _ in properties)
        for key, value in content.items():
            name = "gate" if key == "name" else key
            properties.append((name if nth == 1 else f"{name}.{nth}", "undefined" if value is None else value))
        strict = request.config.getoption("strict_verdicts")
        if verdict.verdict == "fail" or (strict and verdict.verdict == "inconclusive"):
            pytest.fail(verdict.message, pytrace=False)
        if verdict.verdict == "inconclusive":
            warnings.warn(pytest.PytestWarning(verdict.message), stacklevel=2)

    return record


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str, list[str]], None]:
    """Shows a titled list of lines at the end of the run."""
    return lambda title, lines: request.config.stash[_NOTES].append((title, lines))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows an error that a user can mend as its message, without the way through our code; tells the report."""
    report = yield
    # An error of ours needs its module to have been imported: only then it is worth importing here.
    if call.excinfo is not None and type(call.excinfo.value).__module__ == "harness.errors":
        from harness.gates import FAILURE

        report.longrepr = str(call.excinfo.value)
        run = getattr(item, "funcargs", {}).get("case_run")
        callspec = getattr(item, "callspec", None)
        told = None
        if run is not None:
            told = {"case": run.case.name, "models": run.failures, "error": ""}
        elif callspec is not None and "case_run" in callspec.params:
            told = {"case": callspec.params["case_run"].case.name, "models": {}, "error": report.longrepr}
        if told is not None:
            report.user_properties.append((FAILURE, json.dumps(told)))
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Prints the notes of the run: what an update changed, what a benchmark measured."""
    for title, lines in config.stash[_NOTES]:
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.line(line)
