"""Collects the verdicts of a run, from xdist workers as well, and at its end writes `results.json` and the report."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import __version__
from harness.plugin.fixtures import FAILURE, SKIPPED, VERDICT, session_of, stored_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from harness.gates import Skipped, Verdict
    from harness.report import Report
    from harness.results import Results


def choose_report(config: pytest.Config, kinds: frozenset[str]) -> Path:
    """Return the directory of a run's report; pytest-html writes its page there, unless someone chose another place.

    Raises:
        HarnessError: It cannot be written to, or there is no case to report on.
    """
    from harness.run import require_writable, settings_of

    if getattr(config.option, "htmlpath", None):  # pytest has no such option with `-p no:html`
        directory = Path(os.path.expandvars(config.option.htmlpath)).expanduser().parent
        require_writable(directory, "--html")
        return directory
    directory = settings_of(config, config.option.harness_case).reports / _subdirectory(kinds)
    require_writable(directory, "--html, or harness_reports in the ini file")
    config.option.htmlpath = str(directory / "report.html")
    config.option.self_contained_html = True
    return directory


def _subdirectory(kinds: frozenset[str]) -> str:
    return "" if "full" in kinds else next(iter(kinds))


class Collector:
    """A pytest plugin object, registered where a report is to be written. It computes nothing."""

    def __init__(self, config: pytest.Config, kinds: frozenset[str], directory: Path) -> None:
        self._config = config
        self._kinds = kinds
        self._path = directory / "results.json"
        self._ran = False
        self._verdicts: dict[str, list[Verdict]] = {}
        self._skipped: dict[str, list[Skipped]] = {}
        self._failures: dict[str, dict[str, str]] = {}
        self._results: Results | None = None
        self._reports: list[Report] = []
        self._notes: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Prepare the cases before xdist's workers do. A refused run leaves the last report as it is."""
        from harness.errors import HarnessError

        try:
            session_of(self._config)
            return (yield)
        except (HarnessError, pytest.UsageError) as error:
            self._keep_last_page()
            raise pytest.UsageError(str(error)) from None

    def _keep_last_page(self) -> None:
        """Take out pytest-html's own plugin object, which would write its page over the last one."""
        from pytest_html.basereport import BaseReport

        plugins = self._config.pluginmanager
        for plugin in plugins.get_plugins():
            if isinstance(plugin, BaseReport):
                plugins.unregister(plugin)

    def pytest_runtest_logstart(self) -> None:
        """Notice that there is something to report, were it only an interruption."""
        self._ran = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what the `judge` fixture recorded."""
        from pydantic import TypeAdapter

        from harness.gates import Skipped

        for case, verdict in _verdicts_of(report):
            self._verdicts.setdefault(case, []).append(verdict)
        for content in _properties(report, SKIPPED):
            skipped = TypeAdapter(Skipped).validate_python(content["skipped"])
            self._skipped.setdefault(content["case"], []).append(skipped)
        for content in _properties(report, FAILURE):
            self._failures.setdefault(content["case"], {})[content["model"]] = content["error"]

    @pytest.hookimpl(wrapper=True, trylast=True)  # around pytest-html's page, and within the terminal's summary
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
        """Write `results.json` beside the report, with what is known, also where the run failed or was interrupted.

        Whatever cannot be made or written is said, and no run with such a fault, or a case that is blocked, ends well.
        """
        if self._ran:
            with self._noted("results"):
                try:
                    self._collect(brief=exitstatus == pytest.ExitCode.INTERRUPTED)
                except KeyboardInterrupt:  # pytest catches none so late: it would cost the report and the answer
                    exitstatus = session.exitstatus = pytest.ExitCode.INTERRUPTED
                    self._collect(brief=True)
        try:
            return (yield)
        except OSError as error:  # pytest-html could not write its page
            self._notes.append(f"report: {error}")
            return None
        except KeyboardInterrupt:  # while the page is drawn, which pytest catches no more either
            self._notes.append("report: interrupted; `embedding-harness report` makes it from results.json")
            exitstatus = session.exitstatus = pytest.ExitCode.INTERRUPTED
            return None
        finally:
            if exitstatus == pytest.ExitCode.OK and (self._notes or self._blocked()):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _collect(self, *, brief: bool) -> None:
        from harness.report import reports, write_errors
        from harness.results import Results, write_results
        from harness.run import collect, commit, libraries, machine

        open_session, collected, pairs = session_of(self._config), {}, {}
        for case in open_session.cases:
            with self._noted(case):
                collected[case], pairs[case] = collect(
                    open_session.run(case),
                    self._verdicts.get(case, []),
                    self._skipped.get(case, []),
                    kinds=self._kinds,
                    strict=self._config.option.harness_strict_verdicts,
                    failures=self._failures.get(case),
                    updated=case in stored_of(self._config),
                    brief=brief,
                )
        self._results = Results(
            harness=__version__,
            machine=machine(),
            libraries=libraries(),
            commit=commit(open_session.settings.root),
            cases=collected,
        )
        self._reports = reports(self._results, pairs)
        with self._noted(str(self._path)):
            write_results(self._path, self._results, pairs)
        with self._noted(str(self._path.parent)):
            write_errors(self._path.parent, self._reports)

    @contextmanager
    def _noted(self, part: str) -> Iterator[None]:
        """Note what goes wrong in a part of the report, and go on with the others."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the run's answer is worth more than any part of its report
            self._notes.append(f"{part}: {type(error).__name__}: {error}")

    def _blocked(self) -> bool:
        from harness.report import headline

        return self._results is not None and any(
            headline(case).outcome == "fail" for case in self._results.cases.values()
        )

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put the summary above pytest-html's own table."""
        from harness.report import summary_html

        if self._reports:
            with self._noted("report"):
                prefix.append(summary_html(self._reports))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        """Link each verdict to the chart that shows it; show the test's id as text, which pytest-html does not."""
        from harness.report import result_cells

        test_id = report.nodeid if report.when == "call" else f"{report.nodeid}::{report.when}"
        cells[:] = result_cells(cells, test_id, list(_verdicts_of(report)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the report."""
        report.title = "Embedding evaluation"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say the answer of each case, and what is missing; tell GitHub Actions, where the run happens there."""
        from harness.report import headline
        from harness.text import one_line

        if self._notes:
            terminalreporter.section("missing in the report")
            for note in self._notes:
                terminalreporter.line(one_line(note))
        if self._results is None:
            return
        terminalreporter.section("embedding evaluation")
        for name, case in self._results.cases.items():
            found = headline(case)
            terminalreporter.line(one_line(f"{name}: {found.answer}. {found.sentence}"))
        if os.environ.get("GITHUB_ACTIONS") != "true":
            return
        from harness.report.github import step_summary, workflow_commands, write_summary

        for command in workflow_commands(self._results.cases):
            terminalreporter.line(command)
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            try:
                write_summary(Path(summary), step_summary(self._results.cases))
            except OSError as error:  # the run's own outcome must not be lost with it
                terminalreporter.line(f"GITHUB_STEP_SUMMARY: {error}")


def _verdicts_of(report: pytest.TestReport) -> Iterator[tuple[str, Verdict]]:
    """Yield what the `judge` fixture recorded in a test, each verdict after the name of its case."""
    from pydantic import TypeAdapter

    from harness.gates import Verdict

    for content in _properties(report, VERDICT):
        yield content["case"], TypeAdapter(Verdict).validate_python(content["verdict"])


def _properties(report: pytest.TestReport, name: str) -> Iterator[Any]:
    """Yield the contents of a test's user properties of one name, each once: the teardown's report has them too."""
    if report.when == "call" or (report.when == "setup" and not report.passed):
        yield from (json.loads(str(value)) for key, value in report.user_properties if key == name)
