"""A model at a threshold from the training pairs, and how far the best one on the evaluation pairs flatters."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score

from harness.analyses.operating_point import OPERATING_POINT, QUANTITIES, operating_point
from harness.data import Pair, PairSet


def pairs_of(labels):
    """Pairs of texts that no other pair has."""
    return PairSet(
        Path("pairs.jsonl"),
        "0" * 64,
        tuple(Pair(f"left {row}", f"right {row}", int(label), "c", "s", "t") for row, label in enumerate(labels)),
    )


def drawn(seed, count, *, apart):
    """Scores of two labels with means `apart` standard deviations of each other."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2 == 1
    return np.clip(0.2 * rng.normal(size=count) + 0.2 * apart * (labels - 0.5), -1, 1), pairs_of(labels)


@pytest.fixture(scope="module")
def point():
    """The training pairs are farther apart than the evaluation pairs, as they are after a training."""
    return operating_point(*drawn(1, 400, apart=4), *drawn(2, 200, apart=2))


def test_values_are_those_of_sklearn_at_the_chosen_threshold(point):
    (train_scores, train), (scores, pairs) = drawn(1, 400, apart=4), drawn(2, 200, apart=2)
    probabilities = IsotonicRegression(out_of_bounds="clip").fit(train_scores, train.labels).predict(scores)
    expected = {
        "f1": f1_score(pairs.labels, scores >= point.threshold),
        "average_precision": average_precision_score(pairs.labels, scores),
        "brier": brier_score_loss(pairs.labels, probabilities),
    }
    assert expected == pytest.approx({name: point.values[name].value for name in expected})
    assert {"average_precision": 0.5, "brier": 0.25} == point.no_skill
    assert point.apparent["f1"] == pytest.approx(f1_score(pairs.labels, scores >= point.eval_threshold))


def test_every_value_lies_in_its_interval(point):
    assert list(QUANTITIES) == list(point.values)
    for estimate in point.values.values():
        assert estimate.low < estimate.value < estimate.high
        assert "" == estimate.reason


def test_optimism_says_how_much_better_it_looks(point):
    changed = dataclasses.replace(point, apparent={"f1": 0.9, "false_positives": 3.0})
    f1, alarms = point.values["f1"].value, point.values["false_positives"].value
    assert {"f1": 0.9 - f1, "false_positives": alarms - 3} == pytest.approx(changed.optimism)


@given(st.integers(0, 2**16), st.floats(-2, 6), st.floats(-2, 6))
def test_optimism_of_f1_is_never_negative(seed, known, judged):
    found = operating_point(*drawn(seed, 20, apart=known), *drawn(seed + 1, 10, apart=judged))
    assert found.optimism["f1"] >= 0


def test_the_interval_covers_what_the_threshold_achieves_on_other_pairs():
    """Of 60 sets of evaluation pairs, about 57 intervals hold the value on very many; fewer than 51 would be rare."""
    train_scores, train = drawn(0, 400, apart=4)
    scores, many = drawn(1, 200_000, apart=2)
    held = dict.fromkeys(("f1", "accuracy", "average_precision", "brier"), 0)
    threshold = operating_point(train_scores, train, *drawn(2, 20, apart=2)).threshold
    probabilities = IsotonicRegression(out_of_bounds="clip").fit(train_scores, train.labels).predict(scores)
    truth = {
        "f1": f1_score(many.labels, scores >= threshold),
        "accuracy": np.mean((scores >= threshold) == many.labels),
        "average_precision": average_precision_score(many.labels, scores),
        "brier": brier_score_loss(many.labels, probabilities),
    }
    for seed in range(60):
        found = operating_point(train_scores, train, *drawn(100 + seed, 200, apart=2))
        for name in held:
            held[name] += found.values[name].low <= truth[name] <= found.values[name].high
    assert all(count >= 51 for count in held.values()), held


def test_no_error_is_no_certainty():
    found = operating_point(*drawn(1, 100, apart=30), *drawn(2, 100, apart=30))
    f1 = found.values["f1"]
    assert (1.0, "every resample has the same value, which is no certainty") == (f1.value, f1.reason)
    assert math.isnan(f1.low)
    assert 0 == found.optimism["f1"]


def test_a_threshold_that_means_nothing_is_named():
    found = operating_point(*drawn(1, 100, apart=-20), *drawn(2, 100, apart=-20))
    assert (-1.0, True, True) == (found.threshold, found.degenerate, found.eval_degenerate)
    assert (50, 0) == (found.values["false_positives"].value, found.values["false_negatives"].value)


@pytest.mark.parametrize("broken", ["train", "eval"])
def test_undefined_has_its_reason(broken):
    (train_scores, train), (scores, pairs) = drawn(1, 40, apart=2), drawn(2, 40, apart=2)
    (train_scores if broken == "train" else scores)[3] = math.nan
    found = operating_point(train_scores, train, scores, pairs)
    assert {"1 of 40 scores are not finite"} == {estimate.reason for estimate in found.values.values()}
    numbers = [found.threshold, found.eval_threshold, *found.apparent.values(), *found.no_skill.values()]
    assert all(math.isnan(value) for value in (*numbers, *found.optimism.values()))
    estimates = found.values.values()
    assert all(math.isnan(number) for e in estimates for number in (e.value, e.low, e.high))


def test_too_few_texts_have_values_but_no_interval():
    found = operating_point(*drawn(1, 40, apart=1), *drawn(2, 4, apart=1))
    assert not math.isnan(found.values["brier"].value)
    assert "an interval needs 6 texts or groups to draw, found 4" == found.values["brier"].reason


def test_it_comes_back_from_the_store_as_it_was(point):
    nothing = operating_point(np.full(4, math.nan), *drawn(1, 4, apart=1)[1:], *drawn(2, 4, apart=1))
    codec = OPERATING_POINT.codec
    assert point == codec.validate_json(codec.dump_json(point))
    assert repr(nothing) == repr(codec.validate_json(codec.dump_json(nothing)))  # NaN is not equal to itself


def test_the_threshold_is_of_the_pairs_that_are_given_and_these_are_named():
    chosen, (scores, pairs) = drawn(1, 60, apart=2), drawn(2, 40, apart=2)
    found = operating_point(*chosen, scores, pairs, chosen_on="dev")
    assert ("dev", operating_point(*chosen, scores, pairs).threshold) == (found.chosen_on, found.threshold)
    undefined = operating_point(np.full(60, math.nan), chosen[1], scores, pairs, chosen_on="dev")
    assert "dev" == undefined.chosen_on
