"""A threshold for other pairs, and scores as probabilities, against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
)

from harness.metrics.operating import (
    average_precision,
    brier_score,
    isotonic_probabilities,
    separating_threshold,
    values_at,
)
from harness.metrics.threshold import best_f1


@st.composite
def labelled_scores(draw):
    """Scores with ties, both labels, and how often each pair is drawn: of each label at least once."""
    row = st.tuples(st.integers(-9, 9), st.booleans(), st.integers(0, 3))
    rows = draw(st.lists(row, max_size=30)) + [(draw(st.integers(-9, 9)), label, 1) for label in (False, True)]
    scores, labels, weights = zip(*rows, strict=True)
    return np.array(scores) / 9, np.array(labels, dtype=np.int8), np.array(weights, dtype=np.float64)


def of(*labels):
    return np.array(labels, dtype=np.int8)


def test_the_threshold_stands_between_the_labels_that_it_separates():
    chosen = separating_threshold(np.array([-0.25, 0.0, 0.75, 1.0]), of(0, 0, 1, 1))
    assert (0.375, {"degenerate": False}) == (chosen.value, chosen.details)


def test_it_stands_below_the_lowest_of_equal_scores():
    # From 0.5 up: 2 right, 1 wrong, F1 = 4 / 5; from 0.3 up: the same right, 2 wrong.
    assert 0.4 == pytest.approx(separating_threshold(np.array([0.9, 0.5, 0.5, 0.3]), of(1, 1, 0, 0)).value)


def test_where_all_are_called_positive_all_others_are_too():
    chosen = separating_threshold(np.array([0.1, 0.2, 0.8, 0.9]), of(1, 1, 0, 0))
    assert (-1.0, {"degenerate": True}) == (chosen.value, chosen.details)


def test_between_neighbouring_numbers_it_is_the_upper_one():
    low = 0.5
    high = math.nextafter(low, 1)
    assert high == separating_threshold(np.array([low, high]), of(0, 1)).value


@pytest.mark.parametrize(
    ("scores", "labels", "reason"),
    [
        ([], [], "a threshold needs pairs: there are none"),
        ([0.1, 0.2], [1, 1], "a threshold needs both labels: 2 positive, 0 negative pairs"),
        ([0.1, math.nan], [0, 1], "1 of 2 scores are not finite"),
    ],
)
def test_undefined_has_a_reason(scores, labels, reason):
    found = separating_threshold(np.array(scores, dtype=np.float64), of(*labels))
    assert math.isnan(found.value)
    assert reason == found.reason


@given(labelled_scores())
def test_on_the_pairs_that_chose_it_it_reaches_the_best_f1(pairs):
    scores, labels, _ = pairs
    chosen = separating_threshold(scores, labels)
    ones = np.ones((1, len(scores)))
    assert values_at(chosen.value, scores, labels, ones)["f1"][0] == pytest.approx(best_f1(scores, labels).value)
    assert best_f1(scores, labels).details["degenerate"] is chosen.details["degenerate"]


@given(labelled_scores(), labelled_scores())
def test_f1_at_a_threshold_from_other_pairs_is_never_above_the_best(known, judged):
    threshold = separating_threshold(*known[:2]).value
    scores, labels, _ = judged
    assert values_at(threshold, scores, labels, np.ones((1, len(scores))))["f1"][0] <= best_f1(scores, labels).value


@given(labelled_scores(), st.floats(-1, 1))
def test_values_at_a_threshold_equal_sklearn(pairs, threshold):
    scores, labels, weights = pairs
    found = {name: value[0] for name, value in values_at(threshold, scores, labels, weights[np.newaxis]).items()}
    called = scores >= threshold
    for name, reference in (("f1", f1_score), ("accuracy", accuracy_score), ("recall", recall_score)):
        assert reference(labels, called, sample_weight=weights) == pytest.approx(found[name])
    precision = precision_score(labels, called, sample_weight=weights, zero_division=np.nan)
    assert precision == pytest.approx(found["precision"], nan_ok=True)
    (_, alarms), (misses, _) = confusion_matrix(labels, called, sample_weight=weights)
    assert (alarms, misses) == (found["false_positives"], found["false_negatives"])


@given(labelled_scores())
def test_average_precision_equals_sklearn(pairs):
    scores, labels, weights = pairs
    found = average_precision(scores, labels, np.stack([weights, np.ones(len(scores))]))
    expected = [average_precision_score(labels, scores, sample_weight=w) for w in (weights, None)]
    assert expected == pytest.approx(found.tolist())


@given(labelled_scores())
def test_brier_score_equals_sklearn(pairs):
    scores, labels, weights = pairs
    probabilities = (scores + 1) / 2
    found = brier_score(probabilities, labels, weights[np.newaxis])[0]
    assert brier_score_loss(labels, probabilities, sample_weight=weights) == pytest.approx(found)


def test_isotonic_probabilities_by_hand():
    """0.2 and 0.4 are in the wrong order, so that both have one half; beyond the known scores nothing changes."""
    known, labels = np.array([0.0, 0.2, 0.4, 0.8]), of(0, 1, 0, 1)
    found = isotonic_probabilities(known, labels, np.array([-1.0, 0.0, 0.1, 0.3, 0.6, 0.8, 1.0]))
    assert [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0] == pytest.approx(found.tolist())


@pytest.mark.parametrize("label", [0, 1])
def test_a_resample_of_one_label_has_no_value(label):
    scores, labels = np.array([0.1, 0.9]), of(0, 1)
    weights = (labels == label)[np.newaxis].astype(np.float64)
    found = [*values_at(0.5, scores, labels, weights).values(), average_precision(scores, labels, weights)]
    found.append(brier_score(scores, labels, weights))
    assert all(math.isnan(value[0]) for value in found)


def test_precision_has_no_value_where_nothing_is_called_positive():
    found = values_at(1.0, np.array([0.1, 0.9]), of(0, 1), np.ones((1, 2)))
    assert math.isnan(found["precision"][0])
    assert (0.0, 0.0, 0.0, 1.0) == tuple(
        found[name][0] for name in ("f1", "recall", "false_positives", "false_negatives")
    )
