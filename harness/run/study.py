"""The study of a sweep: Optuna's trials, kept in a journal or a database, and asked so that a study can go on."""

from __future__ import annotations

import itertools
import json
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.config.sweep import Objective, Span, SweepSpec
from harness.errors import CaseError, StoreError
from harness.execution.digests import argument_identity, digest_of
from harness.results.sweep import Trial
from harness.run.case_run import CaseRun
from harness.text import listed, one_line

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_DIRECTIONS: Mapping[Objective, Literal["minimize", "maximize"]] = {
    "quality": "maximize",
    "size": "minimize",
    "seconds": "minimize",
}
_FEWEST = 4  # trials for an importance


@contextmanager
def storing(case: Path) -> Iterator[None]:
    """Turn what a study's file or database raises into a StoreError."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    except (
        SQLAlchemyError,
        optuna.exceptions.StorageInternalError,
        json.JSONDecodeError,
        OSError,
        ImportError,
    ) as error:
        words = one_line(str(error), 300)
        hint = "expected a database of `--storage` that answers, or without it a journal that can be read and written"
        raise StoreError(f"{case}: the study cannot be used: {words}; {hint}") from None


def open_study(run: CaseRun, spec: SweepSpec, directory: Path, storage: str | None) -> Study:
    """Open the study of the case's model, or begin it; a CaseError where it is of another space or other data."""
    import optuna
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    name, inputs = f"{run.inputs.case.name}-{spec.model}", run.inputs
    if storage is None:
        directory.mkdir(parents=True, exist_ok=True)
        place = directory / f"{name}.journal"
        kept: Any = JournalStorage(JournalFileBackend(str(place)))
    else:
        kept = RDBStorage(storage)
    try:
        study = optuna.create_study(
            storage=kept,
            study_name=name,
            directions=[_DIRECTIONS[objective] for objective in spec.objectives],
            load_if_exists=True,
        )
    except ValueError as error:  # of a file that is no journal
        raise StoreError(f"{name}: the study cannot be read: {one_line(str(error), 300)}; move it away") from None
    made_of = {
        "space": digest_of(argument_identity(spec)),
        "recipe": digest_of(argument_identity(inputs.case.recipes[spec.model])),
        "base": inputs.base.digest,
        "training pairs": inputs.train.digest if inputs.train else "",
        "dev pairs": inputs.dev.digest if inputs.dev else "",
    }
    stored = study.user_attrs.get("made_of")
    if stored is None and not study.get_trials(deepcopy=False):
        study.set_user_attr("made_of", made_of)
    elif other := [part for part, digest in made_of.items() if (stored or {}).get(part) != digest]:
        where = "the database of --storage" if storage else str(place)
        raise CaseError(
            f"{where}: the study {name} was made of another {listed(other)}; expected the one that the case has now: "
            "move it away, or name another --storage. What was trained stays in the store"
        )
    return study


def ask(study: Study, spec: SweepSpec, run: CaseRun, most: int) -> list[FrozenTrial]:
    """Return the trials of the next batch, first those that a killed run left; empty where there are enough.

    Each has a sampler of its own, seeded by its number: a study that goes on is one that was never stopped.
    """
    from optuna.samplers import RandomSampler, TPESampler
    from optuna.trial import TrialState

    asked = [trial for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.WAITING]
    left = [trial.number for trial in asked if trial.state == TrialState.RUNNING]
    jobs, begun = run.ctx.executor.jobs, len(asked)
    end = begun if left and begun % jobs == 0 else (begun // jobs + 1) * jobs
    grid = _grid(spec) if spec.sampler == "grid" else []
    distributions = _distributions(spec)
    for number in range(begun, min(end, most)):
        if grid:
            study.sampler = RandomSampler(seed=spec.seed)
            study.enqueue_trial(grid[number], skip_if_exists=True)
        else:
            study.sampler = TPESampler(seed=spec.seed + number)
        left.append(study.ask(distributions).number)
    found = study.get_trials(deepcopy=False)
    return [found[number] for number in left]


def _grid(spec: SweepSpec) -> list[dict[str, Any]]:
    """Return the combinations of a grid, shuffled: some of them are then a sample of all."""
    combinations = itertools.product(*spec.corners.values())
    found = [dict(zip(spec.space, map(json.dumps, values), strict=True)) for values in combinations]
    random.Random(spec.seed).shuffle(found)
    return found


def _distributions(spec: SweepSpec) -> dict[str, BaseDistribution]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    def of(values: Span | list[Any]) -> BaseDistribution:
        if not isinstance(values, Span):  # a database keeps no list
            return CategoricalDistribution([json.dumps(value) for value in values])
        if isinstance(values.low, int) and isinstance(values.high, int):
            return IntDistribution(values.low, values.high, log=values.log)
        return FloatDistribution(float(values.low), float(values.high), log=values.log)

    return {key: of(values) for key, values in spec.space.items()}


def values_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a trial's parameters as values of the space."""
    return {key: json.loads(value) if isinstance(value, str) else value for key, value in params.items()}


def tell(study: Study, spec: SweepSpec, number: int, trial: Trial) -> None:
    """Record what came of a trial, unless someone else did already."""
    from optuna.trial import Trial as Asked
    from optuna.trial import TrialState

    asked = Asked(study, study.get_trials(deepcopy=False)[number]._trial_id)  # no public way by number
    facts = {
        "quality": trial.quality,
        "size_mb": trial.size_mb,
        "seconds": trial.seconds,
        "curve": list(trial.curve),
    }
    by_objective = {"quality": trial.quality, "size": trial.size_mb, "seconds": trial.seconds}
    if trial.reason:
        asked.set_user_attr("reason", trial.reason)
        study.tell(number, state=TrialState.FAIL, skip_if_finished=True)
    else:
        asked.set_user_attr("facts", facts)
        study.tell(number, [by_objective[name] for name in spec.objectives], skip_if_finished=True)


def told(trial: FrozenTrial) -> Trial:
    """Return what was recorded of a trial."""
    facts, values = trial.user_attrs.get("facts"), values_of(trial.params)
    if facts is None:
        return Trial.failed(trial.number, values, trial.user_attrs.get("reason", "not told"))
    return Trial(trial.number, values, **{**facts, "curve": tuple(facts["curve"])})


def importance(study: Study, complete: list[Trial]) -> dict[str, float]:
    """Return the part of the variation of quality that each key explains (PED-ANOVA); empty for too few trials."""
    from optuna.importance import get_param_importances

    varied = [key for key in complete[0].values if len({json.dumps(trial.values[key]) for trial in complete}) > 1]
    if len(complete) < _FEWEST or not varied or len({trial.quality for trial in complete}) == 1:
        return {}
    with suppress(RuntimeError, ValueError), warnings.catch_warnings():  # nothing sets the best of them apart
        warnings.simplefilter("ignore", UserWarning)  # a target is minimized, as it is here
        found = get_param_importances(study, params=varied, target=lambda trial: -trial.user_attrs["facts"]["quality"])
        return dict(found)
    return {}
