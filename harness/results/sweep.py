"""The results of a sweep: its trials, scored on the dev pairs, and the chosen recipe beside the current one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from harness.config import Recipe
from harness.statistics import Interval


@dataclass(frozen=True)
class Trial:
    """A recipe of the space, and what came of it.

    Attributes:
        number: From 0.
        values: Key of the space -> its value.
        quality: Spearman's correlation of the dev pairs after the last epoch; NaN where the trial failed.
        size_mb: What ships, in MB (10^6 bytes).
        seconds: Of the training's steps.
        curve: The quality after each epoch.
        reason: Why it failed; empty where it did not.
    """

    number: int
    values: Mapping[str, Any]
    quality: float
    size_mb: float
    seconds: float
    curve: tuple[float, ...]
    reason: str = ""

    @classmethod
    def failed(cls, number: int, values: Mapping[str, Any], reason: str) -> Self:
        """Return a trial that has no value, and why."""
        return cls(number, values, math.nan, math.nan, math.nan, (), reason)


@dataclass(frozen=True)
class Chosen:
    """A recipe as it is judged in the end, on pairs that chose nothing.

    Attributes:
        name: `current` or `winner`.
        dev: Spearman's correlation of the dev pairs.
        evaluation: Of the evaluation pairs.
        interval: Its 95 % interval; None where it is undefined.
    """

    name: str
    recipe: Recipe
    dev: float
    evaluation: float
    interval: Interval | None

    @property
    def optimism(self) -> float:
        """The dev value less that of the evaluation pairs: what choosing on dev, and other texts, add to it."""
        return self.dev - self.evaluation


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A study as it stands.

    Attributes:
        case: Name of the case.
        model: The model whose recipe is varied.
        trials: In their order; also those of earlier runs.
        importance: Key -> part of the variation of quality that it explains; empty for fewer than four trials.
        base: Quality of the base.
        stalls_at_most: Part of the way from the base to the best trial that a trial which stalls goes at most.
        winner: Number of the best trial.
        chosen: The current recipe and the winner's.
        toml: The winner's, to paste into the case.
    """

    case: str
    model: str
    trials: Sequence[Trial]
    importance: Mapping[str, float]
    base: float
    stalls_at_most: float
    winner: int
    chosen: Sequence[Chosen]
    toml: str

    @property
    def complete(self) -> list[Trial]:
        """The trials that did not fail."""
        return [trial for trial in self.trials if not trial.reason]

    @property
    def best(self) -> Trial:
        """The winner."""
        return next(trial for trial in self.trials if trial.number == self.winner)

    @property
    def keys(self) -> list[str]:
        """The keys of the space."""
        return list(self.trials[0].values)

    @property
    def is_better(self) -> bool:
        """True if the winner is better than the current recipe on the dev pairs."""
        current, winner = self.chosen
        return winner.dev > current.dev

    def stalls(self, trial: Trial) -> bool:
        """Tell a trial that hardly left the base."""
        return trial.quality <= self.base + self.stalls_at_most * (self.best.quality - self.base)

    @property
    def front(self) -> list[Trial]:
        """The trials that no other one beats in quality, size and seconds at once, the best first."""
        found = [trial for trial in self.complete if not any(_dominates(other, trial) for other in self.complete)]
        return sorted(found, key=lambda trial: (-trial.quality, trial.number))


def _dominates(one: Trial, other: Trial) -> bool:
    better = (-one.quality, one.size_mb, one.seconds)
    worse = (-other.quality, other.size_mb, other.seconds)
    return better != worse and all(a <= b for a, b in zip(better, worse, strict=True))
