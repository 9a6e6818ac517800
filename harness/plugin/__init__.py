"""The pytest plugin: options, and what belongs to the run of a suite. Wiring only: imported by every pytest."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.causes import Causes
from harness.plugin.options import REPORTED, add_options, check_libraries, check_options, chosen_runs, spelled_out
from harness.plugin.suite import LED_HERE, leads_to_suite

if TYPE_CHECKING:
    from collections.abc import Generator


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the harness's options and settings."""
    add_options(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    """Put the long spelling of our options for the short one, once every plugin has said which options it has.

    They are spelled out for a moment before that as well: the value of an option that pytest does not know yet would
    else be taken for a directory of tests, and a `conftest.py` in a candidate's directory would be run.
    """
    known = parser.parse_known_args(spelled_out(args, parser))
    early_config.known_args_namespace.file_or_dir = known.file_or_dir
    yield
    args[:] = spelled_out(args, parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the harness's hooks."""
    from harness.plugin import hooks

    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(tryfirst=True)  # pytest-html reads its options when it is configured
def pytest_configure(config: pytest.Config) -> None:
    """In the run of a suite: refuse options that do not fit together, and make a run of gates write its report."""
    if not leads_to_suite(config):
        return
    config.stash[LED_HERE] = True
    chosen = chosen_runs(config)
    if chosen or not config.option.collectonly:
        check_options(config, chosen)
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(Causes(), "embedding-harness-causes")
    if chosen and not config.option.collectonly:
        _prepare(config, chosen)


def _prepare(config: pytest.Config, chosen: frozenset[str]) -> None:
    from harness.errors import HarnessError
    from harness.plugin.collector import Collector, choose_report

    kinds = chosen & REPORTED
    try:
        check_libraries(chosen, config.option.harness_executor)
        if kinds:
            directory = choose_report(config, kinds)
            config.pluginmanager.register(Collector(config, kinds, directory), "embedding-harness-collector")
            _end_by_sigterm_as_by_ctrl_c()
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from None


def _end_by_sigterm_as_by_ctrl_c() -> None:
    """Let a run that is told to end write its report; by default it would end without a word."""
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


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


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before the collector writes what is known
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Leave no process of a suite behind, in xdist's workers as well."""
    if session.config.stash.get(LED_HERE, False):
        from harness.plugin.fixtures import close_session

        close_session(session.config)
    return (yield)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the notes of the run: what an update changed, what a benchmark measured."""
    from harness.plugin.fixtures import notes_of

    for title, lines in notes_of(config):
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.line(line)
