"""The best F1 and the false positives at its threshold, against exact fractions and scikit-learn."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from harness.metrics.best_f1 import best_f1
from harness.metrics.false_positives import false_positives


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


@given(labelled_scores())
def test_best_f1_equals_brute_force_and_sklearn(pairs):
    scores, labels = pairs
    f1, threshold = brute_force(scores, labels)
    actual = best_f1(scores, labels)
    assert float(f1) == pytest.approx(actual.value, abs=1e-15)
    assert threshold == actual.details["threshold"]
    share = Fraction(int(labels.sum()), len(labels))
    floor = 2 * share / (1 + share)
    assert float(floor) == pytest.approx(actual.details["floor"], abs=1e-15)
    assert (f1 <= floor) is actual.details["degenerate"]
    predicted = scores >= threshold
    assert f1_score(labels, predicted) == pytest.approx(actual.value, abs=1e-12)
    for name, reference in (("accuracy", accuracy_score), ("precision", precision_score), ("recall", recall_score)):
        assert reference(labels, predicted) == pytest.approx(actual.details[name], abs=1e-12)


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


def test_inverted_ranking_is_degenerate():
    scores, labels = np.array([0.1, 0.2, 0.8, 0.9]), np.array([1, 1, 0, 0], dtype=np.int8)
    actual = best_f1(scores, labels)
    assert 2 / 3 == actual.value == actual.details["floor"]
    count = false_positives(scores, labels, ("a",) * 4)
    assert (2.0, True, True) == (count.value, actual.details["degenerate"], count.details["degenerate"])
