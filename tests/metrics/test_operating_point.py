import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from harness.metrics.best_f1 import best_f1
from harness.metrics.operating_point import (
    average_precision,
    brier_score,
    isotonic_probabilities,
    separating_threshold,
    values_at,
)

from ..arrays import labelled_scores


@given(labelled_scores(), labelled_scores())
def test_a_threshold_reaches_the_best_f1_on_its_own_pairs_and_never_more_on_others(train, judged):
    threshold = separating_threshold(*train[:2]).value
    own, other = (
        (values_at(threshold, scores, labels, np.ones((1, len(scores))))["f1"][0], best_f1(scores, labels).value)
        for scores, labels, _ in (train, judged)
    )
    assert own[0] == pytest.approx(own[1])
    assert other[0] <= other[1]


@given(labelled_scores(), st.floats(-1, 1))
def test_values_at_a_threshold_equal_sklearn(pairs, threshold):
    scores, labels, weights = pairs
    found = {name: value[0] for name, value in values_at(threshold, scores, labels, weights[np.newaxis]).items()}
    predicted = scores >= threshold
    for name in ("f1", "accuracy", "recall"):
        score = getattr(reference, f"{name}_score")
        assert score(labels, predicted, sample_weight=weights) == pytest.approx(found[name])
    precision = reference.precision_score(labels, predicted, sample_weight=weights, zero_division=np.nan)
    assert precision == pytest.approx(found["precision"], nan_ok=True)
    (_, fp), (fn, _) = reference.confusion_matrix(labels, predicted, sample_weight=weights)
    assert (fp, fn) == (found["false_positives"], found["false_negatives"])


@given(labelled_scores())
def test_average_precision_and_brier_score_equal_sklearn(pairs):
    scores, labels, weights = pairs
    both = np.stack([weights, np.ones(len(scores))])
    expected = [reference.average_precision_score(labels, scores, sample_weight=w) for w in both]
    assert expected == pytest.approx(average_precision(scores, labels, both).tolist())
    probabilities = (scores + 1) / 2
    expected = [reference.brier_score_loss(labels, probabilities, sample_weight=w) for w in both]
    assert expected == pytest.approx(brier_score(probabilities, labels, both).tolist())


def test_isotonic_probabilities_by_hand():
    """0.2 and 0.4 are in the wrong order, so that both have one half; beyond the training scores nothing changes."""
    train_scores, labels = np.array([0.0, 0.2, 0.4, 0.8]), np.array([0, 1, 0, 1], dtype=np.int8)
    found = isotonic_probabilities(train_scores, labels, np.array([-1.0, 0.0, 0.1, 0.3, 0.6, 0.8, 1.0]))
    assert [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0] == pytest.approx(found.tolist())


def test_a_resample_of_one_label_has_no_value():
    scores, labels = np.array([0.1, 0.9]), np.array([0, 1], dtype=np.int8)
    for label in (0, 1):
        assert "a threshold needs both labels" in separating_threshold(scores, np.full(2, label)).reason
        weights = (labels == label)[np.newaxis].astype(np.float64)
        found = [*values_at(0.5, scores, labels, weights).values(), average_precision(scores, labels, weights)]
        found.append(brier_score(scores, labels, weights))
        assert all(math.isnan(value[0]) for value in found)
