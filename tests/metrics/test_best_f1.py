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


@given(labelled_scores(), st.integers(1, 4))
def test_best_f1_and_false_positives_equal_brute_force_and_sklearn(pairs, types):
    scores, labels, _ = pairs
    f1, threshold = brute_force(scores, labels)
    actual = best_f1(scores, labels)
    assert float(f1) == pytest.approx(actual.value, abs=1e-15)
    assert threshold == actual.details["threshold"]
    share = Fraction(int(labels.sum()), len(labels))
    floor = 2 * share / (1 + share)
    assert float(floor) == pytest.approx(actual.details["floor"], abs=1e-15)
    predicted = scores >= threshold
    for name, reference in (("accuracy", accuracy_score), ("precision", precision_score), ("recall", recall_score)):
        assert reference(labels, predicted) == pytest.approx(actual.details[name], abs=1e-12)
    names = tuple(f"type {row % types}" for row in range(len(scores)))
    wrong = [names[row] for row in np.flatnonzero((labels == 0) & predicted)]
    counted = false_positives(scores, labels, names)
    assert float(len(wrong)) == counted.value
    assert (f1 <= floor) is actual.details["degenerate"] is counted.details["degenerate"]
    for name, counts in counted.details["by_pair_type"].items():
        assert wrong.count(name) == counts["false_positives"]
    assert counted.details["negatives"] == sum(c["negatives"] for c in counted.details["by_pair_type"].values())
