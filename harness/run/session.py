"""The cases of one session, read and verified once, and a run of each."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

from harness.baselines import baseline_path, comparable, contradictions, read_baseline
from harness.config import Case, read_case
from harness.errors import CaseError
from harness.execution import AUTO, Context, Device, Executor, LocalExecutor, StepProgress, Store
from harness.execution.ray_executor import on_cluster
from harness.execution.scratch import remove_left
from harness.models import read_record
from harness.run.case_run import CaseRun
from harness.run.environment import libraries
from harness.run.inputs import Inputs, prepare, training_pairs
from harness.run.jobs import choose_jobs, needed_mb
from harness.run.settings import Settings, make_store
from harness.run.sources import NamedEncoders
from harness.verification import find_candidate


@dataclass(frozen=True)
class CandidateOptions:
    """The model to gate, as the command line names it.

    Attributes:
        path: Its directory.
        strategy: `lora` for an adapter, `full` for a whole model.
        stands_for: The case's model that it is compared with; by default the only one of its strategy.
        base: Directory of the case's base, instead of where the case finds it.
    """

    path: Path
    strategy: Literal["lora", "full"]
    stands_for: str | None = None
    base: Path | None = None


@dataclass(frozen=True)
class Session:
    """The cases that one pytest session, or one command, works with.

    Attributes:
        settings: Where everything is.
        cases: The prepared cases by name.
        ctx: Store, executor and progress, shared by all of them.
    """

    settings: Settings
    cases: dict[str, Inputs]
    ctx: Context
    _runs: dict[str, CaseRun] = field(default_factory=dict, init=False, repr=False)

    def baseline_path(self, case: str) -> Path:
        """Return where a case's baseline is stored."""
        return baseline_path(self.settings.baselines, self.cases[case].case)

    def run(self, case: str) -> CaseRun:
        """Return a case's run with its stored baseline, the same one each time.

        Raises:
            BaselineError: What is stored cannot be read.
        """
        if case not in self._runs:
            inputs, path = self.cases[case], self.baseline_path(case)
            baseline = read_baseline(path)
            wrong = contradictions(baseline, inputs.case, inputs.eval)
            stored = comparable(baseline, inputs.origin, path=path, contradictions=wrong)
            self._runs[case] = CaseRun(self.ctx, inputs, stored)
        return self._runs[case]

    def forget(self, case: str) -> None:
        """Drop a case's run: its baseline was changed."""
        self._runs.pop(case, None)


def open_session(
    settings: Settings,
    progress: StepProgress,
    candidate: CandidateOptions | None = None,
    *,
    device: Device = AUTO,
    jobs: int | None = None,
    ray_address: str | None = None,
    named_encoders: NamedEncoders = lambda _: None,
    runs: Collection[str] = (),
) -> Session:
    """Read and verify every case, before any slow work.

    Args:
        settings: The cases, and the directories of baselines and store.
        progress: Told how each stage gets on.
        candidate: The model to gate, where the session is about one.
        device: Where models are trained and encode.
        jobs: Models in memory at a time; by default as `harness.run.jobs.choose_jobs` says.
        ray_address: The Ray cluster that runs what holds a model (see `harness.execution.on_cluster`); by default this
            machine does.
        runs: What is run, such as `full`: cases that take no part in it are left out. By default every case is in.
        named_encoders: Finds the encoders that cases name without a module.

    Raises:
        HarnessError: A case, its data, its base or its baseline is not what it should be, or nothing can be stored.
    """
    cases = [read_case(path) for path in settings.cases]
    if runs:
        cases = [case for case in cases if not set(runs).isdisjoint(case.runs)] or _refuse(cases, runs)
    names = [case.name for case in cases]
    if len(set(names)) < len(names):
        raise CaseError(f"--case: the cases are named by their directories, and two are the same: {sorted(names)}")
    for case in cases:
        read_baseline(baseline_path(settings.baselines, case))  # a broken one is found before any work
    inputs = [_gated(cases, candidate)] if candidate else [prepare(case, None, named_encoders) for case in cases]
    remove_left()
    artefacts = make_store(settings.store.absolute())
    executor: Executor
    if ray_address is None:
        executor = LocalExecutor(artefacts, choose_jobs(inputs, device) if jobs is None else jobs)
    else:
        executor = on_cluster(
            ray_address,
            artefacts,
            memory_mb=needed_mb(inputs),
            jobs=jobs,
            device=device,
            libraries=libraries(),
            paths=[found.base.path for found in inputs],
        )
    ctx = Context(Store(artefacts), executor, progress, device=device)
    return Session(settings, {found.case.name: found for found in inputs}, ctx)


def _refuse(cases: list[Case], runs: Collection[str]) -> NoReturn:
    of = "; ".join(f"{case.path}: {', '.join(case.runs)}" for case in cases)
    raise CaseError(
        f"-m: got {' and '.join(sorted(runs))}, which no case takes part in; expected one of its runs: {of}"
    )


def _gated(cases: list[Case], options: CandidateOptions) -> Inputs:
    """Prepare the one case of a gate run, with the candidate in the place of one of its models."""
    case = cases[0] if len(cases) == 1 else _trained_on(cases, options.path)
    candidate = find_candidate(case, options.strategy, options.path, options.stands_for)
    if options.base is not None:
        if not options.base.is_dir():
            raise CaseError(f"--base-model {options.base}: nothing there; expected the directory of {case.base.name}")
        base = case.base.model_copy(update={"package": None, "path": str(options.base.absolute())})
        case = case.model_copy(update={"base": base})
    return prepare(case, candidate)


def _trained_on(cases: list[Case], path: Path) -> Case:
    """Return the case whose pairs a candidate's record names."""
    if not path.is_dir():
        raise CaseError(f"{path}: no directory; expected the model that wants to ship")
    record = read_record(path)
    known = [case for case in cases if record is not None and _training_digest(case) == record.pairs_digest]
    if len(known) == 1:
        return known[0]
    names = ", ".join(str(case.path) for case in known or cases)
    recorded = "names no training pairs" if record is None else f"names training pairs {record.pairs_digest[:12]}"
    raise CaseError(f"{path}: {recorded}, and there are {names}; say by which it is gated: --case PATH")


def _training_digest(case: Case) -> str | None:
    train, _ = training_pairs(case)
    return None if train is None else train.digest
