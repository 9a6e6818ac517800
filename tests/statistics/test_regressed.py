import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from harness.metrics.best_f1 import best_f1
from harness.statistics import RegressedPair, regressed_pairs

from ..arrays import SEEDS, labelled_scores


def test_regressed_pairs_by_hand():
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=np.int8)
    # The best F1 is 4 / 5 at 0.8, where row 2 is wrong; then 4 / 6 at 0.8, where rows 1 and 4 are wrong.
    stored = np.array([0.9, 0.8, 0.2, 0.7, 0.1, 0.6, 0.5, 0.0])
    now = np.array([0.9, 0.4, 0.8, 0.1, 0.85, 0.5, 0.5, 0.5])
    # Row 4 went from 0.7 on the right side to 0.05 on the wrong one, row 1 from 0 to 0.4.
    worst = RegressedPair(4, 0, 0.85, 0.1, pytest.approx(0.75), "e", "all")
    other = RegressedPair(1, 1, 0.4, 0.8, pytest.approx(0.4), "b", "all")
    assert (worst, other) == regressed_pairs(now, stored, labels, "abcdefgh", ("all",) * 8)
    # Row 2 stood 0.6 below the threshold, and reaches it now.
    fixed = RegressedPair(2, 1, 0.2, 0.8, pytest.approx(0.6), "c", "all")
    assert (fixed,) == regressed_pairs(stored, now, labels, "abcdefgh", ("all",) * 8)


@given(labelled_scores(), SEEDS)
def test_regressed_pairs_make_up_the_change_of_the_accuracy_worst_first_in_any_order(pairs, seed):
    now, labels, _ = pairs
    rng = np.random.default_rng(seed)
    stored = rng.integers(-9, 10, len(now)) / 9
    names = tuple(rng.choice(["hard", "easy"], len(now)).tolist())
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
    order = rng.permutation(len(labels))
    moved = tuple(names[row] for row in order)
    actual = regressed_pairs(now[order], stored[order], labels[order], moved, moved)
    assert [replace(pair, row=0) for pair in regressed] == [replace(pair, row=0) for pair in actual]


def test_without_a_threshold_none_regressed():
    scores = np.array([math.nan, 0.8]), np.array([0.2, 0.1])
    for now, stored in (scores, scores[::-1]):
        assert () == regressed_pairs(now, stored, np.array([1, 0], dtype=np.int8), "ab", "ab")
