"""One rule for numbers and arrays, and a tolerance that keeps the false alarms of a model at what was asked for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics import regression, retraining_tolerance

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
    stored, new = values[:, 0], values[:, -1]
    spread = values[:, :-1].std(axis=1, ddof=1)
    some = [-1.0] + [0.0] * (trainings - 2) + [1.0]
    factor = retraining_tolerance(some, comparisons=comparisons, confidence=0.95) / np.std(some, ddof=1)
    alarms = ((stored - new) > factor * spread).any(axis=1).mean()
    assert least <= alarms <= 0.05


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=8), st.floats(-2, 2), st.floats(0.1, 10))
def test_it_moves_with_the_unit_and_not_with_the_level(values, level, unit):
    expected = unit * retraining_tolerance(values, comparisons=3, confidence=0.95)
    moved = [level + unit * value for value in values]
    assert expected == pytest.approx(retraining_tolerance(moved, comparisons=3, confidence=0.95), abs=1e-6)
