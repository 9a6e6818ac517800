from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics.best_f1 import best_f1
from harness.statistics import RegressedPair, regressed_pairs


def test_regressed_pairs_by_hand():
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=np.int8)
    # The best F1 is 4 / 5 at 0.8, where row 2 is wrong; then 4 / 6 at 0.8, where rows 1 and 4 are wrong.
    stored = np.array([0.9, 0.8, 0.2, 0.7, 0.1, 0.6, 0.5, 0.0])
    now = np.array([0.9, 0.4, 0.8, 0.1, 0.85, 0.5, 0.5, 0.5])
    # Row 4 went from 0.7 on the right side to 0.05 on the wrong one, row 1 from 0 to 0.4.
    assert (
        RegressedPair(4, 0, 0.85, 0.1, pytest.approx(0.75), "e", "all"),
        RegressedPair(1, 1, 0.4, 0.8, pytest.approx(0.4), "b", "all"),
    ) == regressed_pairs(now, stored, labels, "abcdefgh", ("all",) * 8)
    # Row 2 stood 0.6 below the threshold, and reaches it now.
    assert (RegressedPair(2, 1, 0.2, 0.8, pytest.approx(0.6), "c", "all"),) == regressed_pairs(
        stored, now, labels, "abcdefgh", ("all",) * 8
    )


@st.composite
def two_models(draw):
    count = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    grid = draw(st.sampled_from([2, 10, 10**6]))
    now, stored = rng.integers(-grid, grid + 1, (2, count)) / grid
    labels = rng.integers(0, 2, count).astype(np.int8)
    labels[:2] = 0, 1
    return now, stored, labels, tuple(rng.choice(["hard", "easy"], count).tolist())


@given(two_models(), st.integers(0, 99))
def test_regressed_pairs_make_up_the_change_of_the_accuracy_worst_first_in_any_order(models, seed):
    now, stored, labels, names = models
    regressed = regressed_pairs(now, stored, labels, names, names)
    fixed = regressed_pairs(stored, now, labels, names, names)
    accuracies = [best_f1(scores, labels).details["accuracy"] for scores in (now, stored)]
    expected = round((accuracies[1] - accuracies[0]) * len(labels))
    assert expected == len(regressed) - len(fixed)
    assert not {pair.row for pair in regressed} & {pair.row for pair in fixed}
    losses = [pair.loss for pair in regressed]
    assert losses == sorted(losses, reverse=True)
    assert all(loss > 0 for loss in losses)
    assert [names[pair.row] for pair in regressed] == [pair.pair_type for pair in regressed]
    order = np.random.default_rng(seed).permutation(len(labels))
    moved = tuple(names[row] for row in order)
    actual = regressed_pairs(now[order], stored[order], labels[order], moved, moved)
    assert [replace(pair, row=0) for pair in regressed] == [replace(pair, row=0) for pair in actual]


def test_without_a_threshold_none_regressed():
    labels = np.array([1, 0], dtype=np.int8)
    undefined, defined = np.array([math.nan, 0.8]), np.array([0.2, 0.1])
    assert () == regressed_pairs(undefined, defined, labels, "ab", "ab")
    assert () == regressed_pairs(defined, undefined, labels, "ab", "ab")
