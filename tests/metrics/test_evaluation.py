from __future__ import annotations

import math

import numpy as np
import pytest

from harness.metrics import METRICS, ScoredPairs, evaluate
from harness.metrics.evaluation import breakdown

BY_GROUP = {key: metric for key, metric in METRICS.items() if metric.by_group}


def scored(scores, labels, groups):
    means = np.random.default_rng(0).normal(size=(len(scores), 2))
    return ScoredPairs(np.array(scores, dtype=np.float64), np.array(labels, dtype=np.int8), means, groups, groups)


def test_groups_are_sorted_and_equal_the_metrics_of_their_pairs():
    rng = np.random.default_rng(0)
    groups = tuple(rng.choice(["travel", "faith", "arts"], size=90).tolist())
    pairs = scored(rng.uniform(-1, 1, 90), rng.integers(0, 2, 90), groups)
    found = evaluate(pairs)
    assert found.categories == found.pair_types
    assert ["arts", "faith", "travel"] == list(found.categories)
    for name, actual in found.categories.items():
        rows = [row for row, group in enumerate(groups) if group == name]
        scores, labels = pairs.scores[rows], pairs.labels[rows]
        assert (len(rows), labels.sum(), len(rows) - labels.sum()) == (actual.count, actual.positives, actual.negatives)
        assert scores[labels == 1].mean() == pytest.approx(actual.mean_positive, abs=1e-15)
        assert scores[labels == 0].mean() == pytest.approx(actual.mean_negative, abs=1e-15)
        part = scored(scores, labels, ("one",) * len(rows))
        assert {key: metric.function(part).value for key, metric in BY_GROUP.items()} == actual.metrics
        assert actual.reason == ""


def test_every_metric_is_measured_and_the_clusters_are_those_of_the_purity():
    rng = np.random.default_rng(0)
    labels = (np.arange(40) % 2).astype(np.int8)
    pairs = ScoredPairs(
        rng.uniform(-1, 1, 40), labels, 9 * np.eye(2)[labels] + rng.normal(size=(40, 2)), *[("a",) * 40] * 2
    )
    found = evaluate(pairs)
    assert list(METRICS) == list(found.metrics)
    assert pairs.scores.tolist() == list(found.scores)
    assert found.clusters is not None
    assert found.metrics["cluster_purity"].details["cluster_labels"] == found.clusters.tolist()
    assert evaluate(scored([0.5, 0.1], [1, 0], ("a", "a"))).clusters is None


def test_group_of_one_label_is_undefined_but_has_its_mean():
    pairs = scored([0.5, 0.75, 0.1, 0.9, 0.2], [1, 1, 0, 1, 0], ("lonely", "lonely", "both", "both", "both"))
    actual = breakdown(pairs, pairs.pair_types)["lonely"]
    assert actual.reason == "group 'lonely' needs both labels: 2 positive, 0 negative pairs"
    assert actual.mean_positive == 0.625
    assert all(math.isnan(value) for value in (actual.mean_negative, *actual.metrics.values()))


def test_group_too_small_for_an_effect_size_keeps_the_rest():
    actual = breakdown(scored([0.75, 0.25], [1, 0], ("two", "two")), ("two", "two"))["two"]
    assert (actual.metrics["margin"], actual.metrics["auc_roc"]) == (0.5, 1.0)
    assert math.isnan(actual.metrics["cohens_d"])
    assert "cohens_d needs at least 3 pairs" in actual.reason


def test_score_that_is_not_finite_spoils_only_its_group():
    pairs = scored([0.75, math.nan, 0.25, 0.5, 0.1, 0.4], [1, 0, 0, 1, 0, 1], ("bad", "bad", *("good",) * 4))
    results = breakdown(pairs, pairs.categories)
    assert ("1 of 2 scores are not finite", "") == (results["bad"].reason, results["good"].reason)
    assert math.isnan(results["bad"].mean_negative)
