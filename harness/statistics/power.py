"""Power of a gate: how often it stops an equally good model, and the smallest drop that it detects."""

from dataclasses import dataclass, replace

import numpy as np

from harness.metrics.tally import Values
from harness.statistics.regression import regression

PROBABILITY = 0.95
"""With which a drop is detected."""

_BETWEEN = 401  # points on the way from nothing forgotten to everything


@dataclass(frozen=True)
class Comparisons:
    """Comparisons of one model with its stored values. A deterioration is positive where a value is worse than stored.

    Attributes:
        trainings: Deterioration of each training that differs in its seed only, shape `(n_trainings, n_comparisons)`.
        tolerance: The deterioration that is still noise, shape `(n_comparisons,)`.
        most: The greatest deterioration there can be, shape `(n_comparisons,)`.
        forgotten: Deterioration of the stored model as it forgets step by step, from nothing to everything, shape
            `(n_steps, n_comparisons)`; a column of NaN where that is not known.
        low: Lower end of the interval of each of these changes; NaN where it has none.
        high: Its upper end.
    """

    trainings: Values
    tolerance: Values
    most: Values
    forgotten: Values
    low: Values
    high: Values


@dataclass(frozen=True)
class Power:
    """Verdicts of a gate, simulated.

    Attributes:
        fails: Share of equally good trainings in which at least one comparison fails, in [0, 1].
        inconclusive: Share in which none fails, and at least one is inconclusive, in [0, 1].
        drops: The smallest drop of the model's level that each comparison by itself detects with `PROBABILITY`, shape
            `(n_comparisons,)`; NaN where it detects none that can be.
        together: The deteriorations of the least forgetting that one comparison or another detects with `PROBABILITY`,
            shape `(n_comparisons,)`; NaN where none is, and for a comparison whose deterioration is not known.
    """

    fails: float
    inconclusive: float
    drops: Values
    together: Values


def power(comparisons: Comparisons, *, seed: int, draws: int = 10_000) -> Power:
    """Simulate trainings of the model, equally good and worse, and judge them by the rule.

    Another training's values are drawn from what the trainings say, all comparisons of a model together: around their
    mean, with their covariance, and wider by `sqrt(1 + 1 / n)` and by Student's factor, since mean and spread are known
    from n trainings only. The stored training is what it is: where it was a lucky one, an equally good training is more
    likely to fail, and a small drop is seen sooner.

    The interval of a change is that of the stored model when it has forgotten as much. A training moves each pair by
    itself, too, so its interval is a little wider: where intervals decide, and not tolerances, the true drops are a
    little larger.

    Args:
        comparisons: Of one model.
        seed: Of the draws.
        draws: Number of trainings.

    Raises:
        ValueError: Fewer than two trainings.

    Source:
        The posterior predictive distribution of a normal sample with unknown mean and variance: A. Gelman et al.,
        "Bayesian Data Analysis", 3rd edition, 2013, section 3.2.
    """
    simulated = _retrained(comparisons.trainings, seed, draws)
    path = _interpolated(comparisons)
    fails_above = _fails_above(path)
    failing = (simulated > fails_above).any(axis=1)
    worse = (simulated > comparisons.tolerance).any(axis=1)
    drops = np.maximum(fails_above - np.quantile(simulated, 1 - PROBABILITY, axis=0), 0)
    within = drops <= np.fmin(np.fmax.reduce(path.forgotten), comparisons.most)
    return Power(
        fails=float(failing.mean()),
        inconclusive=float((worse & ~failing).mean()),
        drops=np.where(within, drops, np.nan),
        together=_detected_together(path.forgotten, simulated, fails_above),
    )


def _retrained(trainings: Values, seed: int, draws: int) -> Values:
    """Simulate the deteriorations of equally good trainings, shape `(draws, n_comparisons)`."""
    count = len(trainings)
    if count < 2:
        raise ValueError(f"a spread needs at least two trainings, got {count}")
    rng = np.random.default_rng(seed)
    mean = trainings.mean(axis=0)
    factor = np.sqrt((1 + 1 / count) / rng.chisquare(count - 1, size=(draws, 1)))
    return np.asarray(mean + factor * (rng.standard_normal((draws, count)) @ (trainings - mean)))


def _interpolated(comparisons: Comparisons) -> Comparisons:
    """Return the comparisons with many points between their steps of forgetting."""
    steps, between = np.linspace(0, 1, len(comparisons.forgotten)), np.linspace(0, 1, _BETWEEN)
    forgotten, low, high = (
        np.column_stack([np.interp(between, steps, column) for column in table.T])
        for table in (comparisons.forgotten, comparisons.low, comparisons.high)
    )
    return replace(comparisons, forgotten=forgotten, low=low, high=high)


def _fails_above(path: Comparisons) -> Values:
    """Return the deterioration above which each comparison fails; infinite where the pairs never prove it.

    What forgetting does not reach is judged by the tolerance alone.
    """
    found = regression(path.forgotten, path.tolerance, path.low, path.high)
    unproven = np.where(found.worse & ~found.proven, path.forgotten, -np.inf).max(axis=0)
    never = unproven == np.fmax.reduce(path.forgotten)
    return np.where(never, np.inf, np.maximum(unproven, path.tolerance))


def _detected_together(forgotten: Values, simulated: Values, fails_above: Values) -> Values:
    """Return the deteriorations at the least forgetting from which on one comparison or another fails."""
    shifts = np.nan_to_num(forgotten)  # a deterioration that is not known adds nothing
    detected = [(simulated + shift > fails_above).any(axis=1).mean() for shift in shifts]
    missed = [at for at, probability in enumerate(detected) if probability < PROBABILITY]
    first = missed[-1] + 1 if missed else 0
    return forgotten[first] if first < len(forgotten) else np.full(len(fails_above), np.nan)
