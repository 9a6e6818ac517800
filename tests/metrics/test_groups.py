from __future__ import annotations

import math

import numpy as np
import pytest

from harness.metrics import ScoredPairs, breakdown
from harness.metrics.ranking import auc_roc
from harness.metrics.separation import cohens_d, margin


def scored(scores, labels, groups):
    means = np.zeros((len(scores), 2))
    return ScoredPairs(np.array(scores, dtype=np.float64), np.array(labels, dtype=np.int8), means, groups, groups)


def test_groups_are_sorted_and_equal_the_metrics_of_their_pairs():
    rng = np.random.default_rng(0)
    groups = tuple(rng.choice(["travel", "faith", "arts"], size=90).tolist())
    pairs = scored(rng.uniform(-1, 1, 90), rng.integers(0, 2, 90), groups)
    results = breakdown(pairs, pairs.categories)
    assert list(results) == ["arts", "faith", "travel"]
    for name, actual in results.items():
        rows = [row for row, group in enumerate(groups) if group == name]
        scores, labels = pairs.scores[rows], pairs.labels[rows]
        assert (len(rows), labels.sum(), len(rows) - labels.sum()) == (actual.count, actual.positives, actual.negatives)
        assert scores[labels == 1].mean() == pytest.approx(actual.mean_positive, abs=1e-15)
        assert scores[labels == 0].mean() == pytest.approx(actual.mean_negative, abs=1e-15)
        expected = [metric(scores, labels).value for metric in (margin, cohens_d, auc_roc)]
        assert expected == [actual.margin, actual.cohens_d, actual.auc_roc]
        assert actual.reason == ""


def test_group_of_one_label_is_undefined_but_has_its_mean():
    pairs = scored([0.5, 0.75, 0.1, 0.9, 0.2], [1, 1, 0, 1, 0], ("lonely", "lonely", "both", "both", "both"))
    actual = breakdown(pairs, pairs.pair_types)["lonely"]
    assert actual.reason == "group 'lonely' needs both labels: 2 positive, 0 negative pairs"
    assert actual.mean_positive == 0.625
    for value in (actual.mean_negative, actual.margin, actual.cohens_d, actual.auc_roc):
        assert math.isnan(value)


def test_group_too_small_for_an_effect_size_keeps_the_rest():
    pairs = scored([0.75, 0.25], [1, 0], ("two", "two"))
    actual = breakdown(pairs, pairs.categories)["two"]
    assert (actual.margin, actual.auc_roc) == (0.5, 1.0)
    assert math.isnan(actual.cohens_d)
    assert "cohens_d needs at least 3 pairs" in actual.reason


def test_score_that_is_not_finite_spoils_only_its_group():
    pairs = scored([0.75, math.nan, 0.25, 0.5, 0.1, 0.4], [1, 0, 0, 1, 0, 1], ("bad", "bad", *("good",) * 4))
    results = breakdown(pairs, pairs.categories)
    assert results["bad"].reason == "1 of 2 scores are not finite"
    assert math.isnan(results["bad"].mean_negative)
    assert results["good"].reason == ""


def test_no_pairs_have_no_groups():
    assert breakdown(scored([], [], ()), ()) == {}


def test_wrong_number_of_groups_is_an_error():
    with pytest.raises(ValueError, match="groups must have one value per pair: came 1, expected 2"):
        breakdown(scored([0.1, 0.2], [0, 1], ("a", "a")), ("a",))
