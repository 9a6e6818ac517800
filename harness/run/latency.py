"""Encode latency: a model served in a process of its own, and two models measured in turns."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import cycle, islice
from statistics import median
from typing import TYPE_CHECKING

from harness.gates import BATCHES
from harness.models import time_encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.run.case_run import CaseRun


_ROUNDS = 10
_REPEATS = {1: 15, 32: 4, 256: 1}


@contextmanager
def served(run: CaseRun, model: str) -> Iterator[Callable[[int], float]]:
    """Open a model, warm; call it with a number of texts and it returns the seconds that encoding them took."""
    sides = run.inputs.sides_of(model)
    texts = tuple(islice(cycle(sides.texts(run.inputs.eval)[0]), max(BATCHES)))  # the queries, where there are sides
    title = f"latency {run.inputs.case.name}-{model}"
    with run.ctx.serve(title, time_encoding, run.source(model), texts, sides.text_1, run.ctx.device) as ask:
        for batch in BATCHES:
            ask(batch)
        yield ask


def measure_in_turns(run: CaseRun, models: tuple[str, str]) -> dict[int, tuple[list[float], list[float]]]:
    """Measure both models: batch size -> median seconds of a call of each, a value a round.

    Two models are never in memory together, so they take turns: each round opens both, one after the other, and the
    next round in the other order. What the machine does meanwhile strikes both alike.
    """
    seconds: dict[int, tuple[list[float], list[float]]] = {batch: ([], []) for batch in BATCHES}
    for turn in range(_ROUNDS):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            title = f"latency {run.inputs.case.name}"
            run.ctx.progress(title, (2 * turn + side) / (2 * _ROUNDS), f"round {turn + 1}/{_ROUNDS}")
            with served(run, models[side]) as encode:
                for batch in BATCHES:
                    seconds[batch][side].append(median(encode(batch) for _ in range(_REPEATS[batch])))
    return seconds
