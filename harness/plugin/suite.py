"""The hooks of a suite, which its `conftest.py` imports: no other test of a project meets them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.plugin.fixtures import session_of
from harness.plugin.options import RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGED = "harness.evals"
"""The suite of this package, for `--pyargs`."""

LED_HERE = pytest.StashKey[bool]()
"""Whether the arguments of a run name a suite: then its options were checked, and its report is prepared."""

_REFUSED = pytest.StashKey[str]()


def leads_to_suite(config: pytest.Config) -> bool:
    """Tell whether an argument of the run is this package's suite, a directory like it, or the one right above it."""
    return any(_leads(config, argument.partition("::")[0]) for argument in config.args)


def _leads(config: pytest.Config, argument: str) -> bool:
    if config.option.pyargs and f"{argument}.".startswith(f"{PACKAGED}."):
        return True
    path = config.invocation_params.dir / argument
    return any(_is_suite(conftest) for conftest in _conftests(path if path.is_dir() else path.parent))


def _conftests(directory: Path) -> Iterator[Path]:
    yield directory / "conftest.py"
    yield from directory.glob("*/conftest.py")


def _is_suite(conftest: Path) -> bool:
    try:
        return __name__ in conftest.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for name, meaning in RUNS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `case_run` for each case, and for each gate and subject or parameter that it names."""
    if "case_run" not in metafunc.fixturenames:
        return
    from harness.errors import HarnessError
    from harness.gates import GATES, PARAMETERS, runs_of, subjects

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
                marks=[getattr(pytest.mark, kind) for kind in sorted(runs_of(gate, inputs))],
            )
            for name, inputs in cases.items()
            for gate in GATES.values()
            for subject in subjects(gate, inputs)
        ]
        rows.sort(key=lambda row: row.values[1] is not GATES["audit"])  # bad pairs are known before the first training
        metafunc.parametrize(["case_run", "gate", "subject"], rows, indirect=["case_run"])
        return
    named = [name for name in metafunc.fixturenames if name in PARAMETERS]
    metafunc.parametrize("case_run", list(cases), indirect=True)
    for name in named:
        values = dict.fromkeys(part[name] for inputs in cases.values() for part in PARAMETERS[name](inputs))
        metafunc.parametrize(name, list(values))


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Stop the run before any work where a case cannot be run, or nobody named the suite: once, not for every test."""
    refused = config.stash.get(_REFUSED, "")
    if not config.stash.get(LED_HERE, False) and not config.option.collectonly:
        refused = "the suite of the harness is below these directories; name it: pytest DIRECTORY -m full"
    if refused:
        raise pytest.UsageError(refused)
