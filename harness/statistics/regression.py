"""Rule by which a value that is worse than the stored one is a regression, and the tolerance that it allows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.statistics.intervals import Interval


@dataclass(frozen=True)
class Regression:
    """Values held against their tolerance and their interval, in the shape of the arguments.

    Attributes:
        worse: Whether a value is worse than its tolerance.
        proven: Whether it is, and the interval of the change excludes no change.
    """

    worse: NDArray[np.bool_]
    proven: NDArray[np.bool_]


def regression(deterioration: ArrayLike, tolerance: ArrayLike, low: ArrayLike, high: ArrayLike) -> Regression:
    """Hold a change against its tolerance and its interval; the arguments broadcast.

    Args:
        deterioration: How much worse than stored a value is, in its unit; negative where it is better.
        tolerance: How much worse is still noise.
        low: Lower end of the interval of the change. NaN where there is no interval: the tolerance decides alone.
        high: Its upper end.
    """
    worse = np.greater(deterioration, tolerance)
    leaves_open = np.less_equal(low, 0) & np.greater_equal(high, 0)
    return Regression(worse, worse & ~leaves_open)


def retraining_tolerances(values: ArrayLike, *, comparisons: int, confidence: float) -> NDArray[np.float64]:
    """Return how much worse than one training another may be, before it is more than the luck of the seed.

    Both trainings vary, the stored one and the new one: their difference has sqrt(2) times the spread of one. The
    spread is known from few trainings, so its factor is Student's. A model has several comparisons, and one that fails
    stops a release: the chance of a false alarm is shared among them (Bonferroni), which is safe however they hang
    together. It is safe, too, that the stored training is one of those that the spread is known from.

    The trainings may happen to agree in one category, and would then stop one good training after the other. So no
    spread counts for less than the median of those that it is given with. Simulated, 1 to 3 % false alarms come out
    where 5 % were allowed (docs/adr/0021).

    Args:
        values: One metric of several trainings that differ in their seed: over all pairs, shape `(n_trainings, 1)`, or
            of each category, shape `(n_trainings, n_categories)`.
        comparisons: Number of values of the model that are compared, from 1.
        confidence: Chance that an equally good training passes all of them, in (0, 1).

    Returns:
        A tolerance of each column in the metric's unit, from 0.

    Raises:
        ValueError: Fewer than two trainings.

    Source:
        Student's prediction interval for one more observation, with the stored one in the place of the mean.
    """
    from scipy.special import stdtrit

    trainings = np.asarray(values, dtype=np.float64)
    if len(trainings) < 2:
        raise ValueError(f"a spread needs at least two trainings, got {len(trainings)}")
    one_sided = 1 - (1 - confidence) / comparisons
    spread = trainings.std(axis=0, ddof=1)
    return np.asarray(stdtrit(len(trainings) - 1, one_sided) * math.sqrt(2) * np.maximum(spread, np.median(spread)))


def least_deviation(values: Sequence[float], *, confidence: float = 0.95) -> float:
    """Return the standard deviation that the trainings have at least, with a confidence: few say little about it.

    Source:
        The one-sided interval of a normal sample's deviation, by the chi-square distribution of its variance.
    """
    from scipy.special import chdtri

    degrees = len(values) - 1
    return float(np.std(values, ddof=1) * math.sqrt(degrees / chdtri(degrees, 1 - confidence)))


def bootstrap_tolerance(value: float, interval: Interval, direction: Literal["higher", "lower"]) -> float:
    """Return how much worse than a value its bootstrap interval reaches, of a model that is not trained again.

    That is how far the value would move with other pairs of the same kind, which is all that is known of the noise
    around one single model. What another training of it would move is not in it.

    Args:
        value: The metric.
        interval: Its interval over the pairs.
        direction: Whether a higher or a lower value is better.

    Returns:
        A tolerance in the metric's unit, from 0; 0 where there is no interval.
    """
    worse = value - interval.low if direction == "higher" else interval.high - value
    return 0.0 if math.isnan(worse) else max(0.0, worse)
