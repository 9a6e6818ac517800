"""The best F1 and the false positives at its threshold, against exact fractions and scikit-learn."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_score, recall_score

from harness.metrics.best_f1 import best_f1
from harness.metrics.false_positives import false_positives

from ..arrays import labelled_scores


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
    scores, labels, _ = pairs
    f1, threshold = brute_force(scores, labels)
    actual = best_f1(scores, labels)
    assert float(f1) == pytest.approx(actual.value, abs=1e-15)
    assert threshold == actual.details["threshold"]
    share = Fraction(int(labels.sum()), len(labels))
    floor = 2 * share / (1 + share)
    assert float(floor) == pytest.approx(actual.details["floor"], abs=1e-15)
    assert (f1 <= floor) is actual.details["degenerate"]
    predicted = scores >= threshold
    for name, reference in (("accuracy", accuracy_score), ("precision", precision_score), ("recall", recall_score)):
        assert reference(labels, predicted) == pytest.approx(actual.details[name], abs=1e-12)


@given(labelled_scores(), st.integers(1, 4))
def test_false_positives_equal_brute_force(pairs, types):
    scores, labels, _ = pairs
    names = tuple(f"type {row % types}" for row in range(len(scores)))
    _, threshold = brute_force(scores, labels)
    wrong = [names[row] for row in np.flatnonzero((labels == 0) & (scores >= threshold))]
    actual = false_positives(scores, labels, names)
    assert float(len(wrong)) == actual.value
    assert best_f1(scores, labels).details["degenerate"] is actual.details["degenerate"]
    for name, counts in actual.details["by_pair_type"].items():
        assert wrong.count(name) == counts["false_positives"]
    assert actual.details["negatives"] == sum(c["negatives"] for c in actual.details["by_pair_type"].values())
