"""One rule for numbers and arrays, and a tolerance that keeps the false alarms of a model at what was asked for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics import least_deviation, regression, retraining_tolerances

# deterioration, tolerance, low, high -> worse, proven
RULE = [
    (0.10, 0.05, -0.15, -0.05, True, True),
    (0.10, 0.05, 0.05, 0.15, True, True),  # a metric of which less is better
    (0.10, 0.05, -0.21, 0.01, True, False),
    (0.10, 0.05, -0.20, 0.00, True, False),
    (0.10, 0.05, math.nan, math.nan, True, True),
    (0.05, 0.05, -0.06, -0.04, False, False),
    (-0.10, 0.05, 0.05, 0.15, False, False),
    (math.nan, 0.05, -0.15, -0.05, False, False),
]


def test_the_tolerance_says_what_is_worse_and_the_interval_what_is_proven():
    for *arguments, worse, proven in RULE:
        found = regression(*arguments)
        assert (worse, proven) == (found.worse, found.proven)
    *columns, worse, proven = map(np.array, zip(*RULE, strict=True))
    found = regression(*columns)
    assert (worse.tolist(), proven.tolist()) == (found.worse.tolist(), found.proven.tolist())


@pytest.mark.parametrize("trainings", [3, 8])
@pytest.mark.parametrize(("comparisons", "correlated", "least"), [(1, 0.0, 0.03), (15, 0.0, 0.01), (15, 0.8, 0.0)])
def test_an_equally_good_training_is_seldom_called_worse(trainings, comparisons, correlated, least):
    rng, runs = np.random.default_rng(0), 4000
    shared = rng.normal(size=(runs, trainings + 1, 1))
    own = rng.normal(size=(runs, trainings + 1, comparisons))
    values = np.sqrt(correlated) * shared + np.sqrt(1 - correlated) * own
    alarms = false_alarms(values, lambda known: alone(known, comparisons))
    assert least <= alarms.mean() <= 0.05


def false_alarms(values, tolerance):
    """Return of each model, shape `(n, n_trainings + 1, n_comparisons)`, whether its last training is called worse.

    The first one is stored, and the tolerances come from all but the last.
    """
    return np.array([((model[0] - model[-1]) > tolerance(model[:-1])).any() for model in values])


def alone(known, comparisons):
    """Return the tolerance of each comparison by its own trainings."""
    columns = (known[:, [column]] for column in range(known.shape[1]))
    return np.concatenate(
        [retraining_tolerances(column, comparisons=comparisons, confidence=0.95) for column in columns]
    )


@pytest.mark.parametrize("spreads", ["alike", "of their own"])
def test_together_categories_stop_fewer_good_trainings_and_seldom_one_after_the_other(spreads):
    """Calibrated once, a model is retrained many times: how often it is stopped is a property of its calibration."""
    rng, models, categories = np.random.default_rng(0), 600, 8
    spread = np.ones((models, 1, categories))
    if spreads == "of their own":
        spread = np.sqrt(6 / rng.chisquare(6, size=spread.shape))
    known, new = (spread * rng.normal(size=(models, count, categories)) for count in (8, 200))

    def together(values):
        return retraining_tolerances(values, comparisons=categories, confidence=0.95)

    shares = {
        name: np.array([((k[0] - n) > rule(k)).any(axis=1).mean() for k, n in zip(known, new, strict=True)])
        for name, rule in (("alone", lambda values: alone(values, categories)), ("together", together))
    }
    assert shares["together"].mean() < 0.6 * shares["alone"].mean() < 0.05
    often = {name: (share > 0.1).mean() for name, share in shares.items()}
    assert often["together"] < 0.5 * often["alone"]


def test_no_spread_counts_for_less_than_the_median_and_a_large_one_stays():
    values = np.outer([-1.0, 0.0, 1.0], [0.0, 1.0, 2.0, 9.0])
    found = retraining_tolerances(values, comparisons=5, confidence=0.95)
    of_one = retraining_tolerances(values[:, [1]], comparisons=5, confidence=0.95)
    assert pytest.approx([1.5 * of_one[0], 1.5 * of_one[0], 2 * of_one[0], 9 * of_one[0]]) == found


def test_a_deviation_is_as_large_as_said_in_95_of_100_samples():
    samples = np.random.default_rng(0).normal(0, 2, size=(4000, 4))
    assert 0.94 < np.mean([least_deviation(sample) <= 2 for sample in samples]) < 0.96


def test_a_spread_needs_two_trainings():
    with pytest.raises(ValueError, match="at least two trainings, got 1"):
        retraining_tolerances([[0.8]], comparisons=1, confidence=0.95)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=8), st.floats(-2, 2), st.floats(0.1, 10))
def test_it_moves_with_the_unit_and_not_with_the_level(values, level, unit):
    column = np.array(values)[:, None]
    expected = unit * retraining_tolerances(column, comparisons=3, confidence=0.95)
    assert expected == pytest.approx(
        retraining_tolerances(level + unit * column, comparisons=3, confidence=0.95), abs=1e-6
    )
