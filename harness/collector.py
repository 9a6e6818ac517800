"""Collects the verdicts of a run, from xdist workers as well, and at its end writes `results.json` and the report."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import __version__
from harness.gates import FAILURE, PROPERTY, from_json

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from harness.gates import Verdict
    from harness.inputs import Inputs
    from harness.pipeline import ModelRun
    from harness.report import CaseReport
    from harness.workplace import Workplace


class Collector:
    """A pytest plugin object, registered where a report is to be written."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._path = Path(config.option.htmlpath).with_name("results.json")
        self._ran = False
        self._refused = ""
        self._verdicts: dict[str, list[Verdict]] = {}
        self._failures: dict[str, dict[str, str]] = {}
        self._errors: dict[str, str] = {}
        self._reports: list[CaseReport] = []

    def pytest_sessionstart(self) -> None:
        """Takes away the results that an earlier run left: one that is refused must not seem to have given them."""
        from harness.report import errors_file

        with suppress(OSError, ValueError, KeyError, TypeError):  # whatever it is, this run's will replace it
            for case in json.loads(self._path.read_text(encoding="utf-8"))["cases"]:
                self._path.with_name(errors_file(case)).unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Prepares the cases before xdist's workers do; keeps why a run is refused, for pytest-html writes its page."""
        from harness.errors import HarnessError
        from harness.session import prepared_cases

        try:
            prepared_cases(self._config)
            return (yield)
        except (HarnessError, pytest.UsageError) as error:
            self._refused = str(error)
            raise pytest.UsageError(self._refused) from None

    def pytest_runtest_logstart(self) -> None:
        """Notices that there is something to report, were it only an interruption."""
        self._ran = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the verdicts that the `judge` fixture recorded."""
        for case, verdict in _verdicts_of(report):
            self._verdicts.setdefault(case, []).append(verdict)
        for name, value in report.user_properties:
            if name == FAILURE:
                content = json.loads(str(value))
                self._failures.setdefault(content["case"], {}).update(content["models"])
                self._errors[content["case"]] = content["error"]

    @pytest.hookimpl(tryfirst=True)  # before pytest-html asks for the summary
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Writes `results.json` beside the report, with what is known, also where the run failed or was interrupted."""
        if not self._ran:
            return
        from harness.calibration import machine
        from harness.report import errors_csv, errors_file, results_json
        from harness.session import prepared_cases
        from harness.store import write_whole

        draw = exitstatus != pytest.ExitCode.INTERRUPTED
        cases = prepared_cases(self._config)
        self._reports = [self._case_report(inputs, draw=draw) for inputs in cases]
        provenance = {
            "harness": __version__,
            "machine": machine(),
            "origin": {inputs.case.name: inputs.origin.model_dump() for inputs in cases},
        }
        results = results_json(self._reports, provenance)
        write_whole(self._path, json.dumps(results, indent=2, sort_keys=True, allow_nan=False) + "\n")
        for case_report in self._reports:
            write_whole(self._path.with_name(errors_file(case_report.case.name)), errors_csv(case_report))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Puts the summary above pytest-html's own table."""
        from harness.charts import render
        from harness.report import summary_html

        charts = {report.case.name: render(report) for report in self._reports}
        prefix.append(summary_html(self._reports, charts, refused=self._refused))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        """Links each verdict to the chart that shows it; shows the test's id as text, which pytest-html does not."""
        from harness.report import result_cells

        test_id = report.nodeid if report.when == "call" else f"{report.nodeid}::{report.when}"
        cells[:] = result_cells(cells, test_id, _verdicts_of(report))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Names the report."""
        report.title = "Embedding evaluation"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tells GitHub Actions, where the run happens there."""
        if os.environ.get("GITHUB_ACTIONS") != "true" or not self._reports:
            return
        from harness.github import step_summary, workflow_commands, write_summary

        for command in workflow_commands({report.case.name: report.verdicts for report in self._reports}):
            terminalreporter.line(command)
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            try:
                write_summary(Path(summary), step_summary(self._reports))
            except OSError as error:  # the run's own answer must not be lost with it
                terminalreporter.line(f"GITHUB_STEP_SUMMARY: {error}")

    def _case_report(self, inputs: Inputs, *, draw: bool) -> CaseReport:
        """What the run left in the store about one case; a model that is not there failed, and is missing."""
        from harness.baselines import baseline_path, read_baseline
        from harness.case import BASE
        from harness.errors import HarnessError
        from harness.pipeline import (
            audit_data,
            measure,
            measure_more,
            measure_operating_point,
            measure_power,
            measure_shares,
            measure_uncertainty,
            project,
            run_model,
        )
        from harness.promises import expected_gates
        from harness.report import CaseReport, FurtherPairs
        from harness.session import workplace
        from harness.store import Store

        work = workplace(self._config)
        finished = replace(work, store=Store(work.store.root, read_only=True))
        verdicts = self._verdicts.get(inputs.case.name, [])
        baseline = read_baseline(baseline_path(self._config.rootpath / "baselines", inputs.case))
        runs, planes, uncertainty, leak_free, operating, power, audited = {}, {}, {}, {}, {}, {}, None
        for name in inputs.models:
            with suppress(HarnessError):  # the tests have shown it
                runs[name] = run_model(finished, inputs, name)
                uncertainty[name] = measure_uncertainty(work, inputs, runs[name], baseline)
                operating[name] = measure_operating_point(work, inputs, runs[name])
        shares = {
            (gate.model, gate.of): measure_shares(work, inputs, *(runs[name] for name in (gate.model, gate.of, BASE)))
            for gate in inputs.case.gates.shares
            if {gate.model, gate.of, BASE} <= runs.keys()
        }
        with suppress(HarnessError):  # nothing comparable is stored
            power = measure_power(work, inputs, baseline) if draw else {}
        with suppress(HarnessError):
            audited = audit_data(finished, inputs)
        if draw and audited is not None and audited.leaked:
            leak_free = {
                name: measure(work, run.embeddings, run.arrays["eval"], inputs.eval, without=audited.leaked)
                for name, run in runs.items()
            }
        more = {}
        for name, pair_set in inputs.more.items() if draw else ():
            with suppress(HarnessError):
                found = {model: measure_more(work, run, name, pair_set) for model, run in runs.items()}
                more[name] = FurtherPairs(pair_set, pair_set.shared_with(inputs.train), found)
        with suppress(HarnessError):  # a picture is never worth the report
            # It takes longer than the whole gate.
            planes = project(work, inputs, runs) if draw and runs and inputs.candidate is None else {}
        return CaseReport(
            case=inputs.case,
            models=inputs.models,
            candidate=inputs.candidate,
            pairs=inputs.eval,
            runs=runs,
            # xdist workers report in any order
            verdicts=tuple(sorted(verdicts, key=lambda verdict: (verdict.name, verdict.model, verdict.metric))),
            baseline=baseline,
            planes=planes,
            uncertainty=uncertainty,
            expected=expected_gates(inputs),
            error=self._errors.get(inputs.case.name, ""),
            failures=self._failures.get(inputs.case.name, {}),
            audit=audited,
            leak_free=leak_free,
            strict=self._config.getoption("strict_verdicts"),
            rates=_at_rates(finished, inputs),
            operating=operating,
            shares=shares,
            more=more,
            power=power,
        )


def _at_rates(work: Workplace, inputs: Inputs) -> dict[float, ModelRun]:
    """The checked model at each learning rate of the check, and at its own; what is not there failed."""
    from harness.errors import HarnessError
    from harness.pipeline import run_model

    check, runs = inputs.case.learning_rate, {}
    if check is None or inputs.candidate is not None:
        return {}
    for rate in sorted({*inputs.case.checked_rates, inputs.case.models[check.model].learning_rate}):
        with suppress(HarnessError):  # the tests have shown it
            runs[rate] = run_model(work, inputs, check.model, learning_rate=rate)
    return runs


def _verdicts_of(report: pytest.TestReport) -> Iterator[tuple[str, Verdict]]:
    """What the `judge` fixture recorded in a test, each verdict after the name of its case."""
    if report.when == "call":
        for name, value in report.user_properties:
            if name == PROPERTY:
                content = json.loads(str(value))
                yield content.pop("case"), from_json(content)
