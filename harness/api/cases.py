"""A case read, and run to its verdicts outside of pytest."""

from pathlib import Path

from harness import __version__
from harness.config import Case, read_case
from harness.errors import CaseError
from harness.execution import StepProgress
from harness.gates import Verdict
from harness.results import CaseResults, Results, write_results
from harness.run import (
    CandidateOptions,
    NotJudged,
    Settings,
    begin_ahead,
    collect,
    commit,
    judge_all,
    libraries,
    machine,
    open_session,
    settings_here,
)


def load_case(path: str | Path) -> Case:
    """Read and validate a case file.

    Raises:
        CaseError: One line for each thing that is wrong with it.
    """
    return read_case(Path(path))


def run_case(
    path: str | Path,
    *,
    adapter: str | Path | None = None,
    full_model: str | Path | None = None,
    stands_for: str | None = None,
    base_model: str | Path | None = None,
    root: str | Path | None = None,
    reports: str | Path | None = None,
    progress: StepProgress | None = None,
) -> CaseResults:
    """Run a case outside of pytest: what `-m full` trains, evaluates and gates, or `-m gate` where a model is given.

    What is in the store is not computed again. Models run in processes of their own, so a script needs the usual guard,
    `if __name__ == "__main__":`. Nothing is stored as a baseline.

    Args:
        path: The case file.
        adapter: Directory of a PEFT adapter to gate: nothing is trained.
        full_model: Directory of a whole model to gate, instead.
        stands_for: The case's model that it is compared with; by default the only one of its kind.
        base_model: Directory of the case's base, instead of where the case finds it.
        root: Directory of `baselines/` and `.harness/`; by default as for a command that is run here.
        reports: Directory to write `results.json` into, with the pairs; `embedding-harness report` makes a page of it.
        progress: Called with a step's title, the part that is done, in [0, 1], and words.

    Returns:
        The case as it stands in `results.json`.

    Raises:
        HarnessError: The case, its data, its base, its baseline or the candidate is not what it should be.
    """
    candidate = _candidate(adapter, full_model, stands_for, base_model)
    cases = [Path(path)]
    settings = settings_here(cases) if root is None else Settings.below(Path(root).absolute(), cases)
    session = open_session(settings, progress or _silent, candidate)
    (name,) = session.cases
    run, kinds = session.run(name), frozenset({"gate" if candidate else "full"})
    begin_ahead(run, kinds, run.inputs.models)
    try:
        judged = judge_all(run, kinds)
    finally:
        run.ctx.close()
    unjudged = [one for one in judged if isinstance(one, NotJudged)]
    results, pairs = collect(
        run,
        [one for one in judged if isinstance(one, Verdict)],
        [one.skipped for one in unjudged],
        kinds=kinds,
        failures={one.skipped.subject.model: one.reason for one in unjudged if not one.by_gate},
    )
    if reports is not None:
        whole = Results(
            harness=__version__,
            machine=machine(),
            libraries=libraries(),
            commit=commit(settings.root),
            cases={name: results},
        )
        write_results(Path(reports) / "results.json", whole, {name: pairs})
    return results


def _candidate(
    adapter: str | Path | None, full_model: str | Path | None, stands_for: str | None, base_model: str | Path | None
) -> CandidateOptions | None:
    base = None if base_model is None else Path(base_model)
    if adapter is not None and full_model is not None:
        raise CaseError("got adapter and full_model, expected one model to gate")
    if adapter is not None:
        return CandidateOptions(Path(adapter), "lora", stands_for, base)
    if full_model is not None:
        return CandidateOptions(Path(full_model), "full", stands_for, base)
    if stands_for is not None or base is not None:
        raise CaseError("got stands_for or base_model without a model to gate, expected adapter or full_model as well")
    return None


def _silent(*_: object) -> None:
    """Tell nothing."""
