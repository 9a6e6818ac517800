"""Collects the verdicts of a run, from xdist workers as well, and at its end writes `results.json` and the report."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.gates import from_json

if TYPE_CHECKING:
    from harness.gates import Verdict
    from harness.pipeline import Inputs
    from harness.report import CaseReport


class Collector:
    """A pytest plugin object, registered where a report is to be written."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._verdicts: dict[str, list[Verdict]] = {}
        self._reports: list[CaseReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the verdicts that the `judge` fixture recorded."""
        if report.when == "call":
            for name, value in report.user_properties:
                if name == "verdict":
                    content = json.loads(str(value))
                    self._verdicts.setdefault(content.pop("case"), []).append(from_json(content))

    @pytest.hookimpl(tryfirst=True)  # before pytest-html asks for the summary
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Writes `results.json` beside the report, with what is known, also where the run was interrupted."""
        if not self._verdicts:
            return
        from harness.pipeline import machine
        from harness.report import results_json
        from harness.session import prepared_cases
        from harness.store import write_whole

        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        inputs_by_name = {inputs.case.name: inputs for inputs in prepared_cases(self._config)}
        self._reports = [
            self._case_report(inputs_by_name[case], tuple(verdicts), draw=not interrupted)
            for case, verdicts in self._verdicts.items()
        ]
        results = results_json(self._reports, {"machine": machine()})
        path = Path(self._config.option.htmlpath).with_name("results.json")
        write_whole(path, json.dumps(results, indent=2, sort_keys=True, allow_nan=False) + "\n")

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Puts the summary above pytest-html's own table."""
        if self._reports:
            from harness.charts import render
            from harness.report import summary_html

            prefix.append(summary_html(self._reports, {report.case.name: render(report) for report in self._reports}))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: object) -> None:
        """Names the report."""
        report.title = "Embedding evaluation"  # type: ignore[attr-defined] # pytest-html has no types

    def _case_report(self, inputs: Inputs, verdicts: tuple[Verdict, ...], *, draw: bool) -> CaseReport:
        """What the run left in the store about one case; a model that is not there failed, and is missing."""
        from harness.baselines import baseline_path, read_baseline
        from harness.errors import HarnessError
        from harness.pipeline import project, run_model
        from harness.report import CaseReport
        from harness.session import workplace
        from harness.store import Store

        work = workplace(self._config)
        finished = replace(work, store=Store(work.store.root, read_only=True))
        runs = {}
        for name in inputs.case.model_names:
            with suppress(HarnessError):  # the tests have shown it
                runs[name] = run_model(finished, inputs, name)
        return CaseReport(
            case=inputs.case,
            pairs=inputs.eval,
            runs=runs,
            verdicts=verdicts,
            baseline=read_baseline(baseline_path(self._config.rootpath / "baselines", inputs.case)),
            planes=project(work, inputs, runs) if draw and runs else {},
        )
