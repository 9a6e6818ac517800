"""The trainings that a run has ahead, which its progress counts."""

from collections.abc import Collection, Iterator
from dataclasses import replace
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
    for model, changes in _planned(run, kinds, seeds):
        try:
            known.training(model, **changes)
        except NotBuiltError:
            yield run.title("train", model, **changes)


def _planned(run: CaseRun, kinds: Collection[str], seeds: int) -> Iterator[tuple[str, dict[str, Any]]]:
    case = run.inputs.case
    if not {"full", "learning_rate", "speed"}.isdisjoint(kinds):
        yield from ((model, {}) for model in case.recipes)
    if case.learning_rate is not None and "learning_rate" in kinds:
        yield from ((case.learning_rate.model, {"learning_rate": rate}) for rate in case.checked_rates)
    for model, recipe in case.recipes.items():
        yield from ((model, {"seed": recipe.seed + further}) for further in range(1, seeds))
