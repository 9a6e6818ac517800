from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from harness.metrics.threshold import best_f1, false_positives

SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)


@st.composite
def labelled_scores(draw):
    rows = draw(st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=0, max_size=40))
    rows += [(draw(st.integers(-9, 9)), False), (draw(st.integers(-9, 9)), True)]
    return np.array([score / 9 for score, _ in rows]), np.array([label for _, label in rows], dtype=np.int8)


def brute_force(scores, labels):
    """Best F1 as an exact fraction, and the highest threshold that reaches it."""
    pairs = list(zip(scores.tolist(), labels.tolist(), strict=True))
    results = []
    for threshold in set(scores.tolist()):
        right = sum(score >= threshold and label == 1 for score, label in pairs)
        predicted = sum(score >= threshold for score, _ in pairs)
        results.append((Fraction(2 * right, predicted + sum(label for _, label in pairs)), threshold))
    return max(results)


def test_best_f1_by_hand():
    # From 0.4 up: 3 right, 1 wrong, none missed: F1 = 6 / 7. From 0.6 up: 2 right, 1 missed: 4 / 5.
    actual = best_f1(np.array([0.9, 0.6, 0.5, 0.4, 0.1]), np.array([1, 1, 0, 1, 0], dtype=np.int8))
    assert actual.value == 6 / 7
    expected = {"threshold": 0.4, "accuracy": 0.8, "precision": 0.75, "recall": 1.0, "floor": 0.75, "degenerate": False}
    assert expected == actual.details


@SETTINGS
@given(labelled_scores())
def test_best_f1_equals_brute_force(pairs):
    scores, labels = pairs
    f1, threshold = brute_force(scores, labels)
    actual = best_f1(scores, labels)
    assert float(f1) == pytest.approx(actual.value, abs=1e-15)
    assert threshold == actual.details["threshold"]
    share = Fraction(int(labels.sum()), len(labels))
    floor = 2 * share / (1 + share)
    assert float(floor) == pytest.approx(actual.details["floor"], abs=1e-15)
    assert (f1 <= floor) is actual.details["degenerate"]


@SETTINGS
@given(labelled_scores())
def test_what_the_threshold_achieves_equals_sklearn(pairs):
    scores, labels = pairs
    actual = best_f1(scores, labels)
    predicted = scores >= actual.details["threshold"]
    assert f1_score(labels, predicted) == pytest.approx(actual.value, abs=1e-12)
    for name, reference in (("accuracy", accuracy_score), ("precision", precision_score), ("recall", recall_score)):
        assert reference(labels, predicted) == pytest.approx(actual.details[name], abs=1e-12)


def test_of_equal_f1_the_highest_threshold_is_taken():
    # From 0.8 up: 1 right of 2, F1 = 2 / 3. From 0.2 up: 2 right, 2 wrong, F1 = 4 / 6.
    actual = best_f1(np.array([0.8, 0.6, 0.4, 0.2]), np.array([1, 0, 0, 1], dtype=np.int8))
    assert actual.value == 2 / 3
    assert actual.details["threshold"] == 0.8


def test_inverted_ranking_is_degenerate():
    scores, labels = np.array([0.1, 0.2, 0.8, 0.9]), np.array([1, 1, 0, 0], dtype=np.int8)
    actual = best_f1(scores, labels)
    assert 2 / 3 == actual.value == actual.details["floor"]
    assert actual.details["degenerate"] is True
    count = false_positives(scores, labels, ("a",) * 4)
    assert count.value == 2.0
    assert count.details["degenerate"] is True


def test_false_positives_by_hand():
    scores = np.array([0.9, 0.5, 0.5, 0.7, 0.1, 0.2])
    labels = np.array([1, 1, 0, 0, 0, 1], dtype=np.int8)
    # F1 from 0.5 up: 2 right, 2 wrong, 1 missed: 4 / 7; from 0.2 up: 3 right, 2 wrong: 6 / 8.
    actual = false_positives(scores, labels, ("easy", "only positive", "hard", "hard", "easy", "easy"))
    assert actual.value == 2.0
    expected = {
        "threshold": 0.2,
        "degenerate": False,
        "negatives": 3,
        "rate": 2 / 3,
        "by_pair_type": {
            "easy": {"false_positives": 0, "negatives": 1},
            "hard": {"false_positives": 2, "negatives": 2},
        },
    }
    assert expected == actual.details


@SETTINGS
@given(labelled_scores(), st.integers(1, 4))
def test_false_positives_equal_brute_force(pairs, types):
    scores, labels = pairs
    names = tuple(f"type {row % types}" for row in range(len(scores)))
    _, threshold = brute_force(scores, labels)
    wrong = [
        name
        for name, score, label in zip(names, scores.tolist(), labels.tolist(), strict=True)
        if label == 0 and score >= threshold
    ]
    actual = false_positives(scores, labels, names)
    assert float(len(wrong)) == actual.value
    for name, counts in actual.details["by_pair_type"].items():
        assert wrong.count(name) == counts["false_positives"]
    assert actual.details["negatives"] == sum(c["negatives"] for c in actual.details["by_pair_type"].values())


def test_a_negative_at_the_threshold_is_a_false_positive():
    scores, labels = np.array([0.5, 0.5, 0.1]), np.array([1, 0, 0], dtype=np.int8)
    assert false_positives(scores, labels, ("a", "a", "a")).value == 1.0


def test_wrong_number_of_pair_types_is_an_error():
    with pytest.raises(ValueError, match="pair_types must have one value per pair: came 1, expected 2"):
        false_positives(np.array([0.5, 0.1]), np.array([1, 0], dtype=np.int8), ("a",))
