"""The fixtures: a case's run, the judge that records verdicts, and notes for the end of the run."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import pytest

from harness.plugin.causes import fail_for
from harness.plugin.options import REPORTED, chosen_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.gates import Gate, Subject, Verdict
    from harness.run import CaseRun, Session

VERDICT, SKIPPED, FAILURE = (f"embedding-harness-{kind}" for kind in ("verdict", "skipped", "failure"))
"""User properties of a test report, as JSON: what a gate said, why it was not judged, which error kept it from it."""

_SESSION = pytest.StashKey["Session"]()
_NOTES = pytest.StashKey[list[tuple[str, list[str]]]]()
_UPDATED = pytest.StashKey[dict[str, str]]()
_BEGUN = pytest.StashKey[bool]()
_STORED = pytest.StashKey[set[str]]()


def session_of(config: pytest.Config) -> Session:
    """Return the cases of this run, read and verified once.

    Raises:
        HarnessError: A case, its data, its base or its baseline is not what it should be.
    """
    if _SESSION not in config.stash:
        from harness.execution import TerminalProgress
        from harness.run import CandidateOptions, open_session, require_writable, settings_of

        given = config.option
        adapter, whole = given.harness_adapter, given.harness_full_model
        candidate = None
        if adapter or whole:
            strategy: Literal["lora", "full"] = "lora" if adapter else "full"
            candidate = CandidateOptions(adapter or whole, strategy, given.harness_as, given.harness_base_model)
        settings = settings_of(config, given.harness_case)
        if given.harness_update_baselines:
            require_writable(settings.baselines, "harness_baselines in the ini file")
        progress = TerminalProgress(config)
        session = config.stash[_SESSION] = open_session(
            settings,
            progress,
            candidate,
            device=given.harness_device,
            jobs=given.harness_jobs,
            ray_address=_ray_address(given),
            runs=chosen_runs(config),
            named_encoders=lambda name: config.hook.pytest_harness_encoder(name=name),
        )
        if not given.collectonly:
            progress.expect(_trainings_ahead(config, session))
    return config.stash[_SESSION]


def _ray_address(given: Any) -> str | None:
    """Return the address of the cluster that runs the models; None for this machine, or where nothing is run."""
    on_ray = given.harness_executor == "ray" and not given.collectonly
    return (given.harness_ray_address or "auto") if on_ray else None


def close_session(config: pytest.Config) -> None:
    """End what was begun ahead and no test asked for, as after Ctrl-C."""
    if _SESSION in config.stash:
        config.stash[_SESSION].ctx.close()


def _trainings_ahead(config: pytest.Config, session: Session) -> Iterator[str]:
    from harness.run import trainings_ahead

    for name in session.cases:
        yield from trainings_ahead(session.run(name), chosen_runs(config), _seeds(config, session, name))


def _seeds(config: pytest.Config, session: Session, case: str) -> int:
    """Return the number of trainings of each model."""
    given = config.option
    if not given.harness_update_baselines:
        return 1
    seeds: int = given.harness_seeds or session.cases[case].case.tolerance.seeds
    return seeds


def _begin_ahead(pytest_session: pytest.Session, session: Session) -> None:
    """Begin what the chosen tests will ask for; nothing beside a benchmark, which wants the machine for itself."""
    from harness.run import begin_ahead

    config = pytest_session.config
    kinds = chosen_runs(config)
    if config.stash.get(_BEGUN, False) or not kinds <= REPORTED:
        return
    config.stash[_BEGUN] = True
    models: dict[str, set[str]] = {}
    for item in pytest_session.items:
        params = _params(item)
        if "subject" in params and not params["gate"].verifies:  # which needs no more than the model's files
            models.setdefault(params["case_run"], set()).update((params["subject"].model, params["subject"].reference))
    for case, chosen in models.items():
        if config.option.harness_update_baselines:
            chosen.update(session.cases[case].models)
        begin_ahead(session.run(case), kinds, chosen, _seeds(config, session, case))


def notes_of(config: pytest.Config) -> list[tuple[str, list[str]]]:
    """Return the titled lists of lines to show at the end of the run."""
    return config.stash.setdefault(_NOTES, [])


def stored_of(config: pytest.Config) -> set[str]:
    """Return the cases whose baseline this run stored: an update that changes nothing stores nothing."""
    return config.stash.setdefault(_STORED, set())


@pytest.fixture
def case_run(request: pytest.FixtureRequest) -> CaseRun:
    """Return a case's run: models are trained, encoded and measured when they are first asked for."""
    from harness.errors import HarnessError

    name, config = request.param, request.config
    try:
        session = session_of(config)
        updates, subject = config.option.harness_update_baselines, _params(request.node).get("subject")
        if updates or getattr(subject, "model", ""):  # after the audit, which is of none
            _begin_ahead(request.session, session)
        if updates:
            _update(config, session, name)
        return session.run(name)
    except HarnessError as error:
        request.node.user_properties.append((FAILURE, _json({"case": name, "model": "", "error": str(error)})))
        fail_for(request.node, name, str(error))


def _update(config: pytest.Config, session: Session, case: str) -> None:
    """Store what the run of a case measures, once."""
    from harness.errors import BaselineError, HarnessError
    from harness.run import update_baseline

    done = config.stash.setdefault(_UPDATED, {})
    if case not in done:
        path = session.baseline_path(case)
        try:
            changed = update_baseline(session.run(case), path, config.option.harness_seeds)
            done[case] = ""
            notes_of(config).append((f"{path}: {'updated' if changed else 'unchanged'}", changed))
            if changed:
                stored_of(config).add(case)
            session.forget(case)
        except HarnessError as error:
            done[case] = str(error)
    if done[case]:
        raise BaselineError(done[case])


@pytest.fixture
def judge(request: pytest.FixtureRequest, case_run: CaseRun) -> Callable[[Gate, Subject], None]:
    """Judge a gate and record its verdict for the report.

    The test fails on `fail`, warns on `inconclusive` (or fails, if asked to), and is skipped with a pointer where
    something fails that the gate depends on and that another test reports: one cause is one failure.
    """
    from harness.gates import Verdict
    from harness.run import judge as judge_gate

    node, case = request.node, case_run.inputs.case.name

    def decide(gate: Gate, subject: Subject) -> None:
        found = judge_gate(case_run, gate, subject)
        if isinstance(found, Verdict):
            _record(node, case, found, strict=request.config.option.harness_strict_verdicts)
            return
        node.user_properties.append((SKIPPED, _json({"case": case, "skipped": found.skipped})))
        if found.by_gate:
            reporting = _test_of(request.session, case, found.skipped.cause)
            if reporting:
                pytest.skip(f"not judged: {reporting} fails, which says why: {found.reason}")
        else:
            failure = {"case": case, "model": subject.model, "error": found.reason}
            node.user_properties.append((FAILURE, _json(failure)))
        fail_for(node, case, found.reason)

    return decide


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str, list[str]], None]:
    """Show a titled list of lines at the end of the run."""
    return lambda title, lines: notes_of(request.config).append((title, lines))


def _record(node: pytest.Item, case: str, verdict: Verdict, *, strict: bool) -> None:
    from harness.text import on_a_screen  # loading the plugin imports nothing but itself

    node.user_properties.append((VERDICT, _json({"case": case, "verdict": verdict})))
    # For people and tools that read JUnit XML: plain properties.
    for key, value in (
        ("case", case),
        ("gate", verdict.gate),
        ("subject", str(verdict.subject)),
        ("outcome", verdict.outcome),
        ("observed", "undefined" if verdict.observed != verdict.observed else verdict.observed),
        ("reference", "undefined" if verdict.reference != verdict.reference else verdict.reference),
        ("message", words := on_a_screen(verdict.text)),
    ):
        node.user_properties.append((key, value))
    if verdict.outcome == "fail" or (strict and verdict.outcome == "inconclusive"):
        pytest.fail(words, pytrace=False)
    if verdict.outcome == "inconclusive":
        warnings.warn(pytest.PytestWarning(words), stacklevel=3)


def _test_of(session: pytest.Session, case: str, gate: str) -> str:
    """Return the test of this session that reports on a gate; empty where it was not chosen."""
    for item in session.items:
        params = _params(item)
        if params.get("case_run") == case and getattr(params.get("gate"), "name", "") == gate:
            return item.nodeid
    return ""


def _params(item: pytest.Item) -> Mapping[str, Any]:
    """Return what a test was collected for; nothing for one that has no parameters."""
    return item.callspec.params if hasattr(item, "callspec") else {}


def _json(content: object) -> str:
    from pydantic_core import to_json

    return to_json(content, inf_nan_mode="null").decode()
