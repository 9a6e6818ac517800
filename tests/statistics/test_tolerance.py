"""A tolerance keeps the false alarms of a whole model at what was asked for, and no lower than it has to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics import retraining_tolerance

VALUES = st.lists(st.floats(-1, 1), min_size=2, max_size=8)


@pytest.mark.parametrize("trainings", [3, 8])
@pytest.mark.parametrize(("comparisons", "correlated", "least"), [(1, 0.0, 0.03), (15, 0.0, 0.01), (15, 0.8, 0.0)])
def test_an_equally_good_training_is_seldom_called_worse(
    trainings: int, comparisons: int, correlated: float, least: float
) -> None:
    rng, runs = np.random.default_rng(0), 4000
    shared = rng.normal(size=(runs, trainings + 1, 1))
    own = rng.normal(size=(runs, trainings + 1, comparisons))
    values = np.sqrt(correlated) * shared + np.sqrt(1 - correlated) * own
    stored, new = values[:, 0], values[:, -1]
    spread = values[:, :-1].std(axis=1, ddof=1)
    factor = retraining_tolerance([-1.0] + [0.0] * (trainings - 2) + [1.0], comparisons=comparisons, confidence=0.95)
    factor /= np.std([-1.0] + [0.0] * (trainings - 2) + [1.0], ddof=1)
    alarms = ((stored - new) > factor * spread).any(axis=1).mean()
    assert least <= alarms <= 0.05


@given(VALUES, st.floats(-2, 2), st.floats(0.1, 10))
def test_it_moves_with_the_unit_and_not_with_the_level(values: list[float], level: float, unit: float) -> None:
    expected = unit * retraining_tolerance(values, comparisons=3, confidence=0.95)
    moved = [level + unit * value for value in values]
    assert expected == pytest.approx(retraining_tolerance(moved, comparisons=3, confidence=0.95), abs=1e-6)


def test_one_training_has_no_spread() -> None:
    with pytest.raises(ValueError, match="at least two trainings, got 1"):
        retraining_tolerance([0.8], comparisons=1, confidence=0.95)
