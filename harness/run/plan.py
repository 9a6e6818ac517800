"""Plan of a run: the trainings that its progress counts, and the models that it begins early."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from harness.errors import NotBuiltError
from harness.run.case_run import CaseRun


def trainings_ahead(run: CaseRun, kinds: Collection[str], seeds: int = 1) -> Iterator[str]:
    """Yield the title of each training that is not in the store yet.

    Args:
        run: The case's run.
        kinds: The kinds of gates that are chosen, such as `full`.
        seeds: Trainings of each model: several, where tolerances are taken from them.
    """
    known = replace(run, ctx=run.ctx.lookup_only())
    for model, changes in _planned(run, set(kinds) - {"gate"}, run.inputs.case.recipes, seeds):
        try:
            known.training(model, **changes)
        except NotBuiltError:
            yield run.title("train", model, **changes)


def begin_ahead(run: CaseRun, kinds: Collection[str], models: Collection[str], seeds: int = 1) -> None:
    """Begin to train, verify and encode these models, where several may be in memory at a time.

    Those come first that are trained: they take longest.
    """
    ordered = sorted((model for model in run.inputs.models if model in models), key=_comes_last(run))
    run.ctx.ahead(partial(run.encoding, model, **changes) for model, changes in _planned(run, kinds, ordered, seeds))


def _comes_last(run: CaseRun) -> Any:
    return lambda model: model not in run.inputs.case.recipes


def _planned(
    run: CaseRun, kinds: Collection[str], models: Collection[str], seeds: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    case = run.inputs.case
    if not {"full", "gate", "learning_rate", "speed", "strategies"}.isdisjoint(kinds):
        yield from ((model, {}) for model in models)
    if case.learning_rate is not None and "learning_rate" in kinds:
        yield from ((case.learning_rate.model, {"learning_rate": rate}) for rate in case.checked_rates)
    if case.gates.rank is not None and "strategies" in kinds:
        for rank in case.gates.rank.ranks:
            yield case.gates.rank.model, run.at(case.gates.rank.model, rank)
    for model in models:
        if model in case.recipes:
            seed = case.recipes[model].seed
            yield from ((model, {"seed": seed + further}) for further in range(1, seeds))
