from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics.threshold import best_f1
from harness.statistics import Flip, flips

LABELS = np.array([1, 1, 1, 0, 0, 0], dtype=np.int8)
NAMES = tuple("abcdef")


def test_flips_by_hand():
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=np.int8)
    # The best F1 is 4 / 5 at 0.8, where row 2 is wrong; then 4 / 6 at 0.8, where rows 1 and 4 are wrong.
    stored = np.array([0.9, 0.8, 0.2, 0.7, 0.1, 0.6, 0.5, 0.0])
    now = np.array([0.9, 0.4, 0.8, 0.1, 0.85, 0.5, 0.5, 0.5])
    actual = flips(now, stored, labels, "abcdefgh", ("all",) * 8)
    assert (0.8, 0.8) == actual.thresholds
    assert not actual.degenerate
    assert actual.reason == ""
    # Row 4 went from 0.7 on the right side to 0.05 on the wrong one, row 1 from 0 to 0.4.
    assert [4, 1] == [flip.row for flip in actual.lost]
    assert [0.75, 0.4] == pytest.approx([flip.loss for flip in actual.lost])
    assert [Flip(2, 1, 0.8, 0.2, pytest.approx(-0.6), "c", "all")] == list(actual.gained)


@st.composite
def two_models(draw):
    count = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    grid = draw(st.sampled_from([2, 10, 10**6]))
    now, stored = rng.integers(-grid, grid + 1, (2, count)) / grid
    labels = rng.integers(0, 2, count).astype(np.int8)
    labels[:2] = 0, 1
    return now, stored, labels, tuple(rng.choice(["hard", "easy"], count).tolist())


@given(two_models())
def test_flips_make_up_the_change_of_the_accuracy(models):
    now, stored, labels, names = models
    actual = flips(now, stored, labels, names, names)
    accuracies = [best_f1(scores, labels).details["accuracy"] for scores in (now, stored)]
    expected = round((accuracies[1] - accuracies[0]) * len(labels))
    assert expected == len(actual.lost) - len(actual.gained)


@given(two_models())
def test_worst_first_and_losses_are_losses(models):
    now, stored, labels, names = models
    actual = flips(now, stored, labels, names, names)
    for found in (actual.lost, actual.gained):
        losses = [flip.loss for flip in found]
        assert losses == sorted(losses, reverse=True)
        assert [names[flip.row] for flip in found] == [flip.pair_type for flip in found]
    assert all(flip.loss > 0 for flip in actual.lost)
    assert all(flip.loss < 0 for flip in actual.gained)


@given(two_models())
def test_the_other_way_round_lost_is_gained(models):
    now, stored, labels, names = models
    there, back = flips(now, stored, labels, names, names), flips(stored, now, labels, names, names)
    assert {flip.row: flip.loss for flip in there.lost} == {flip.row: -flip.loss for flip in back.gained}
    assert there.thresholds == back.thresholds[::-1]


@given(two_models(), st.integers(0, 99))
def test_order_of_pairs_does_not_matter(models, seed):
    now, stored, labels, names = models
    order = np.random.default_rng(seed).permutation(len(labels))
    expected = flips(now, stored, labels, names, names)
    moved = tuple(names[row] for row in order)
    actual = flips(now[order], stored[order], labels[order], moved, moved)
    for name in ("lost", "gained"):
        assert [flip[1:] for flip in getattr(expected, name)] == [flip[1:] for flip in getattr(actual, name)]


def test_a_threshold_that_means_nothing_is_told():
    good, inverted = LABELS.astype(np.float64), 1.0 - LABELS
    assert flips(good, inverted, LABELS, NAMES, NAMES).degenerate
    assert flips(inverted, good, LABELS, NAMES, NAMES).degenerate
    assert not flips(good, good, LABELS, NAMES, NAMES).degenerate


def test_without_a_threshold_there_are_no_flips_but_a_reason():
    actual = flips(np.array([0.1, math.nan]), np.array([0.1, 0.2]), LABELS[2:4], "ab", "ab")
    assert ((), ()) == (actual.lost, actual.gained)
    assert all(math.isnan(threshold) for threshold in actual.thresholds)
    assert actual.reason == "1 of 2 scores are not finite"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((LABELS, LABELS, LABELS, NAMES[1:], NAMES), "pair_types must have one value per pair: came 5, expected 6"),
        ((LABELS, LABELS, LABELS, NAMES, NAMES[1:]), "categories must have one value per pair: came 5, expected 6"),
        ((LABELS, LABELS[1:], LABELS, NAMES, NAMES), "labels must have one value per pair: came 6, expected 5"),
    ],
)
def test_wrong_lengths_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        flips(*arguments)
