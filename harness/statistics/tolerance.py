"""Tolerance of a retraining: how much worse it may come out by chance."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def retraining_tolerance(values: Sequence[float], *, comparisons: int, confidence: float) -> float:
    """Return how much worse than one training another may be, before it is more than the luck of the seed.

    Both trainings vary, the stored one and the new one: their difference has sqrt(2) times the spread of one. The
    spread is known from few trainings, so its factor is Student's. A model has several comparisons, and one that fails
    stops a release: the chance of a false alarm is shared among them (Bonferroni), which is safe however they hang
    together. It is safe, too, that the stored training is one of those that the spread is known from: simulated, 2 to
    4 % false alarms come out where 5 % were allowed.

    Args:
        values: The metric of several trainings that differ in their seed.
        comparisons: Number of values of the model that are compared, from 1.
        confidence: Chance that an equally good training passes all of them, in (0, 1).

    Returns:
        A tolerance in the metric's unit, from 0.

    Raises:
        ValueError: Fewer than two values.

    Source:
        Student's prediction interval for one more observation, with the stored one in the place of the mean.
    """
    from scipy.special import stdtrit

    if len(values) < 2:
        raise ValueError(f"a spread needs at least two trainings, got {len(values)}")
    one_sided = 1 - (1 - confidence) / comparisons
    return float(stdtrit(len(values) - 1, one_sided)) * math.sqrt(2) * statistics.stdev(values)
