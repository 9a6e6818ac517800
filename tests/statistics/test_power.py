import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from harness.statistics import Comparisons, power, retraining_tolerances

TRAININGS = 8
VALUES = np.random.default_rng(1).normal(0, 0.01, TRAININGS)
STUDENT = stats.t(TRAININGS - 1, scale=VALUES.std(ddof=1) * np.sqrt(1 + 1 / TRAININGS))
"""Another training's value, around the mean of those that are known."""


def gate(trainings, tolerance, *, width=0.0, most=2.0):
    """One comparison after another, alike; forgetting everything costs 1, and an interval is `width` to either side."""
    trainings = trainings if trainings.ndim == 2 else trainings[:, np.newaxis]
    count = trainings.shape[1]
    forgotten = np.repeat(np.linspace(0, 1, 11)[:, np.newaxis], count, axis=1)
    return Comparisons(
        trainings, np.full(count, tolerance), np.full(count, most), forgotten, forgotten - width, forgotten + width
    )


@pytest.mark.parametrize(("allowed", "lucky"), [(0.0, 0.0), (0.01, 0.01), (0.03, -0.01)])
def test_one_comparison_is_students(allowed, lucky):
    """A loss is counted from the stored training: how lucky that one was moves all of them."""
    lost = VALUES - VALUES.mean() + lucky
    found = power(gate(lost, allowed), seed=0, draws=200_000)
    assert_allclose(found.fails, STUDENT.sf(allowed - lucky), atol=0.003)
    assert_allclose(found.drops, max(allowed - lucky + STUDENT.ppf(0.95), 0), atol=0.0005)
    assert 0.0 == found.inconclusive


def test_several_comparisons_are_drawn_together_and_see_what_none_sees_alone():
    """What always moves together fails together; what does not fails more often."""
    lost = VALUES - VALUES.mean()
    alone, same = (power(gate(np.repeat(lost[:, np.newaxis], n, axis=1), 0.01), seed=0) for n in (1, 5))
    assert alone.fails == same.fails
    assert_allclose(alone.together, alone.drops, atol=1 / 400)
    other = np.random.default_rng(2).normal(0, 0.01, (TRAININGS, 12))
    found = power(gate(other - other.mean(axis=0), 0.01), seed=0)
    assert found.fails > 1.5 * alone.fails
    assert (found.together < found.drops.min()).all()


@pytest.mark.parametrize("trainings", [3, 8])
def test_what_it_says_is_true_of_gates_whose_trainings_come_from_a_known_law(trainings):
    """Over many baselines: as many false alarms as said, and the drop that is named is caught as often as is said."""
    rng = np.random.default_rng(3)
    said, true, caught = [], [], []
    for gate_number in range(400):
        values = rng.standard_normal(trainings)  # a higher value is a better one; the first training is stored
        (tolerance,) = retraining_tolerances(values[:, np.newaxis], comparisons=1, confidence=0.8)
        found = power(gate((values[0] - values) / 100, tolerance / 100), seed=gate_number, draws=500)
        said.append(found.fails)
        true.append(stats.norm.cdf(values[0] - tolerance))
        caught.append(stats.norm.cdf(values[0] - tolerance + 100 * found.drops[0]))
    assert_allclose(np.mean(said), np.mean(true), atol=0.015)  # some standard errors of 400 gates
    assert_allclose(np.mean(caught), 0.95, atol=0.01)


@settings(max_examples=30)
@given(st.floats(0, 0.1), st.floats(0, 0.1), st.floats(0, 0.1))
def test_a_larger_tolerance_and_wider_intervals_see_less(first, second, width):
    small, large = sorted([first, second])
    lost = VALUES[0] - VALUES
    strict, lax = (power(gate(lost, allowed), seed=0, draws=500) for allowed in (small, large))
    unsure = power(gate(lost, small, width=width), seed=0, draws=500)
    for less in (lax, unsure):
        assert strict.fails >= less.fails
        assert strict.drops <= less.drops
        assert strict.together <= less.together


def test_what_the_pairs_leave_open_is_inconclusive():
    lost = VALUES - VALUES.mean()
    found = power(gate(lost, 0.0, width=0.02), seed=0, draws=200_000)
    assert_allclose(found.fails, STUDENT.sf(0.02), atol=0.003)
    assert_allclose(found.inconclusive, STUDENT.sf(0.0) - STUDENT.sf(0.02), atol=0.003)
    assert_allclose(found.drops, 0.02 + STUDENT.ppf(0.95), atol=0.004)  # a step between two points of the way


def test_a_drop_that_pairs_never_prove_or_that_forgetting_does_not_reach_is_not_seen():
    found = power(gate(VALUES - VALUES.mean(), 0.0, width=2.0), seed=0)
    assert 0.0 == found.fails
    assert 0.4 < found.inconclusive < 0.6
    assert np.isnan([*found.drops, *found.together]).all()
    reached = gate(VALUES - VALUES.mean(), 0.03)
    for scale in (0.0, -1.0, 0.02):  # the base is no worse, better, or hardly worse than the model
        parts = {name: scale * getattr(reached, name) for name in ("forgotten", "low", "high")}
        found = power(dataclasses.replace(reached, **parts), seed=0)
        assert np.isnan([*found.drops, *found.together]).all()


def test_without_scores_the_tolerance_decides_as_far_as_the_metric_goes():
    """As of clusters, which nobody stores."""
    reached = gate(VALUES - VALUES.mean(), 0.03)
    nothing = np.full_like(reached.forgotten, np.nan)
    unknown = dataclasses.replace(reached, forgotten=nothing, low=nothing, high=nothing)
    found = power(unknown, seed=0)
    assert power(reached, seed=0).drops == found.drops
    assert np.isnan(found.together).all()
    assert np.isnan(power(dataclasses.replace(unknown, most=np.array([0.03])), seed=0).drops).all()


def test_one_training_has_no_spread():
    with pytest.raises(ValueError, match="at least two trainings, got 1"):
        power(gate(VALUES[:1], 0.01), seed=0)
