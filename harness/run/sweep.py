"""A sweep: Optuna asks for recipes, the steps of a run train them, and the dev pairs alone score them.

The steps of a trial are those of a training, whose keys have no evaluation pairs. These are looked at once, in the end,
for the chosen recipe and the current one.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.analyses import EVALUATE
from harness.config import BASE, Recipe
from harness.config.sweep import SweepSpec, changes_of, recipe_toml
from harness.errors import CaseError, HarnessError, require
from harness.models import Embeddings
from harness.models.loading import SAVED
from harness.results.sweep import Chosen, Sweep, Trial
from harness.run.case_run import CaseRun
from harness.run.inputs import require_steps, require_targets
from harness.run.studies import known
from harness.run.study import ask, importance, open_study, storing, tell, told, values_of
from harness.text import one_line

if TYPE_CHECKING:
    from optuna import Study

QUALITY = "spearman"
"""The metric of the dev pairs that a sweep is about."""

_CORNERS = 2000  # recipes of the space that are looked at before any training
_STALLS = 0.1  # where the case checks no learning rate


def sweep(
    run: CaseRun, *, trials: int, directory: Path, timeout: float | None = None, storage: str | None = None
) -> Sweep:
    """Search the space of a case's `[sweep]`, and measure the best recipe beside the current one.

    A study goes on where it was left: `trials` are all that it has in the end. Trials are asked in batches, as many as
    are trained side by side, so the same seed and number of jobs give the same trials, however often it was stopped.

    Args:
        run: The case's run.
        trials: Number of trials; of a grid at most its size.
        directory: For the study's journal.
        timeout: Seconds after which no trial is begun.
        storage: URL of a database for the study instead, as SQLAlchemy takes it.

    Raises:
        HarnessError: The case has no sweep, or one without a valid recipe; the study is of another space or other data;
            or no trial could be trained.
    """
    spec, began = _require_sweep(run), time.monotonic()
    require("sweep", "optuna")
    with storing(run.inputs.case.path):
        study = open_study(run, spec, directory, storage)
        most = min(trials, spec.combinations) if spec.sampler == "grid" else trials
        while (timeout is None or time.monotonic() - began < timeout) and (batch := ask(study, spec, run, most)):
            planned = [(trial, values_of(trial.params)) for trial in batch]
            run.ctx.ahead(partial(_measure, run, spec, trial.number, values) for trial, values in planned)
            for trial, values in planned:
                tell(study, spec, trial.number, _measure(run, spec, trial.number, values))
        return _sweep(run, spec, study)


def _require_sweep(run: CaseRun) -> SweepSpec:
    """Return the case's sweep; raise where a value of its space is in no valid recipe."""
    case = run.inputs.case
    if (spec := case.sweep) is None:
        raise CaseError(f"{case.path}: sweep: missing; expected a table [sweep] with `model` and `space`")
    problems: dict[tuple[str, str], str] = {}
    valid: set[tuple[str, str]] = set()
    for values in _corners(spec):
        named = {(key, json.dumps(value)) for key, value in values.items()}
        if named <= valid:
            continue
        try:
            _recipe(run, spec, values)
            valid |= named
        except CaseError as error:
            problems |= {place: str(error) for place in named if place not in problems}
    wrong = [place for place in problems if place not in valid]
    if not valid:
        raise CaseError(f"{case.path}: sweep.space: contains no valid recipe: {next(iter(problems.values()))}")
    if wrong:
        key, value = wrong[0]
        raise CaseError(f"{case.path}: sweep.space.{key}: no valid recipe has {value}: {problems[wrong[0]]}")
    return spec


def _corners(spec: SweepSpec) -> Iterator[dict[str, Any]]:
    corners = spec.corners
    if spec.combinations <= _CORNERS:
        yield from (dict(zip(corners, values, strict=True)) for values in itertools.product(*corners.values()))
    else:
        drawn = random.Random(0)
        for _ in range(_CORNERS):
            yield {key: drawn.choice(values) for key, values in corners.items()}


def _recipe(run: CaseRun, spec: SweepSpec, values: Mapping[str, Any]) -> Recipe:
    """Return a recipe of the space; a CaseError where a case file could not state it, or `prepare` would refuse it."""
    case = run.inputs.case
    recipe = case.recipes[spec.model].changed(**changes_of(values))
    if recipe.teacher is not None and recipe.teacher not in case.teachers:
        raise CaseError(f"recipe: teacher: no such teacher: {recipe.teacher}")
    require_steps(case, spec.model, recipe, run.inputs.train, run.inputs.replay)
    require_targets(case, spec.model, recipe, run.inputs.base)
    return recipe


def _measure(run: CaseRun, spec: SweepSpec, number: int, values: Mapping[str, Any]) -> Trial:
    """Train a recipe, and score it on the dev pairs."""
    try:
        _recipe(run, spec, values)
        trained = run.training(spec.model, **changes_of(values))
    except HarnessError as error:
        return Trial.failed(number, values, one_line(str(error), 300))
    if trained is None:
        raise CaseError(f"{spec.model} is not trained here")
    curve = tuple(point.spearman for point in trained.value.curve)
    if not curve or math.isnan(curve[-1]):
        return Trial.failed(number, values, "the dev pairs have no correlation with its scores")
    files = SAVED[run.inputs.case.recipes[spec.model].strategy].files(trained.path)
    size = sum(file.stat().st_size for file in files) / 1e6
    return Trial(number, values, curve[-1], size, trained.value.seconds, curve)


def _sweep(run: CaseRun, spec: SweepSpec, study: Study) -> Sweep:
    finished = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    trials = [told(trial) for trial in finished]
    complete = [trial for trial in trials if not trial.reason]
    if not complete:
        why = trials[0].reason if trials else "none was begun in time"
        raise CaseError(f"{run.inputs.case.path}: sweep: no trial has a value on the dev pairs: {why}")
    best = min(complete, key=lambda trial: (-trial.quality, trial.size_mb, trial.number))
    check = run.inputs.case.learning_rate
    winner = _recipe(run, spec, best.values)
    return Sweep(
        case=run.inputs.case.name,
        model=spec.model,
        trials=trials,
        importance=importance(study, complete),
        base=_base(run),
        stalls_at_most=check.stalls_at_most if check else _STALLS,
        winner=best.number,
        chosen=(_chosen(run, spec, "current", {}), _chosen(run, spec, "winner", best.values)),
        toml=recipe_toml(spec.model, winner),
    )


def _base(run: CaseRun) -> float:
    """Measure the base on the dev pairs."""
    inputs, dev = run.inputs, run.inputs.dev
    if dev is None:
        return math.nan
    encoded = run.encode(BASE, {"dev": inputs.sides.texts(dev)})
    scored: dict[str, Any] = {"texts": "dev", "pairs": dev, "sides": inputs.sides, "without": ()}
    return run.ctx.run(EVALUATE, embeddings=Embeddings(encoded), **scored).metrics[QUALITY].value


def _chosen(run: CaseRun, spec: SweepSpec, name: str, values: Mapping[str, Any]) -> Chosen:
    """Measure a recipe on the evaluation pairs."""
    changes = changes_of(values)
    trained, found = run.training(spec.model, **changes), run.evaluation(spec.model, **changes)
    return Chosen(
        name=name,
        recipe=run.inputs.case.recipes[spec.model].changed(**changes),
        dev=trained.value.curve[-1].spearman if trained and trained.value.curve else math.nan,
        evaluation=found.metrics[QUALITY].value,
        interval=known(run.intervals(found)[QUALITY]),
    )
