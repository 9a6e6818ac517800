from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hdbscan._hdbscan_reachability import mutual_reachability
from scipy.spatial.distance import cdist
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA

from harness.metrics.cluster_purity import _clusters, _purity, _reachability, cluster_purity, purity_terms


def sentences(seed, *, count=150, dimension=64, noise=1.5):
    """Pair means as a model makes them: unit vectors around topics, in single precision, with ambiguous ones between.

    Each row is the mean of two of fewer texts, so that some pairs share a text and some pairs come twice.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, dimension))
    texts = centres[rng.integers(5, size=count)]
    texts = texts + noise * rng.uniform(0.2, 1.2, size=(count, 1)) * rng.normal(size=texts.shape)
    texts = (texts / np.linalg.norm(texts, axis=1, keepdims=True)).astype(np.float32)
    rows = np.arange(count)
    means = (texts[rows] + texts[(rows + (rows % 7 == 0)) % count]) / np.float32(2)
    means[: count // 10] = means[-(count // 10) :]
    labels = (np.abs(means @ centres.T.astype(np.float32)).argmax(axis=1) % 2).astype(np.int8)
    return means.astype(np.float64), np.where(rng.random(count) < 0.1, 1 - labels, labels).astype(np.int8)


def brute_force_purity(clusters, labels):
    members = {}
    for cluster, label in zip(clusters, labels, strict=True):
        if cluster >= 0:
            members.setdefault(cluster, []).append(label)
    correct = sum(Counter(found).most_common(1)[0][1] for found in members.values())
    return correct, sum(len(found) for found in members.values())


def partition(clusters):
    """Clusters without their numbers: the rows of each, and the rows of noise."""
    rows = {}
    for row, cluster in enumerate(clusters):
        rows.setdefault(cluster, []).append(row)
    return rows.pop(-1, []), sorted(rows.values())


DETAILS = ("cluster_count", "noise_ratio", "purity_noise_as_wrong", "majority_share", "majority_share_clustered")


def test_purity_by_hand():
    clusters = np.array([0, 0, 0, 1, 1, -1, -1, -1])
    labels = np.array([1, 1, 0, 0, 0, 1, 1, 1], dtype=np.int8)
    actual = _purity(clusters, labels)
    details = dict(zip(DETAILS, (2, 3 / 8, 4 / 8, 5 / 8, 3 / 5), strict=True))
    assert (4 / 5, {**details, "cluster_labels": clusters.tolist()}) == (actual.value, actual.details)
    assert [[0.5, 1], [0.5, 1]] == purity_terms(np.array([1, 0]), np.array([0, 0])).tolist()  # no majority


@pytest.mark.parametrize("seed", range(5))
def test_purity_equals_brute_force_and_the_sums_of_its_terms_and_identical_pairs_share_a_cluster(seed):
    means, labels = sentences(seed)
    actual = cluster_purity(means, labels)
    clusters = np.array(actual.details["cluster_labels"])
    correct, clustered = brute_force_purity(clusters.tolist(), labels.tolist())
    assert correct / clustered == actual.value
    assert correct / len(labels) == actual.details["purity_noise_as_wrong"]
    assert [correct, clustered] == purity_terms(labels, clusters).sum(axis=0).tolist()
    distinct, row = np.unique(means, axis=0, return_inverse=True)
    assert len(distinct) < len(means), "the data must have identical pairs"
    assert len(distinct) == len(set(zip(row.tolist(), clusters.tolist(), strict=True))), "they share a cluster"


@pytest.mark.parametrize("seed", range(5))
def test_clear_clusters_and_noise_equal_sklearn(seed):
    rng = np.random.default_rng(seed)
    blobs = [centre + rng.normal(size=(25, 16)) for centre in 20 * rng.normal(size=(4, 16))]
    means = np.vstack([*blobs, 200 * rng.normal(size=(6, 16))])
    projected = PCA(n_components=10, svd_solver="full").fit_transform(means)
    # scikit-learn's own counts a point among its `min_samples` neighbours.
    expected = HDBSCAN(min_cluster_size=10, min_samples=11, copy=True).fit_predict(projected)
    assert set(expected.tolist()) == {-1, 0, 1, 2, 3}
    assert partition(expected.tolist()) == partition(_clusters(means, 10).tolist())


def test_reachability_equals_hdbscan_but_for_the_tie_break():
    points = np.random.default_rng(0).normal(size=(40, 3))
    expected = mutual_reachability(cdist(points, points), min_points=5)
    actual = _reachability(points, 5)
    np.testing.assert_allclose(expected, actual, rtol=2e-9)
    upper = np.triu_indices(len(points), 1)
    assert len(np.unique(expected[upper])) < len(np.unique(actual[upper])) == len(upper[0])


@pytest.mark.parametrize("seed", range(5))
def test_clusters_do_not_depend_on_the_order_of_points(seed):
    """Not only because `cluster_purity` sorts: no tie is left for the order, or for a machine's sort, to decide."""
    means = np.unique(sentences(seed)[0], axis=0)
    order = np.random.default_rng(seed).permutation(len(means))
    shuffled = np.empty(len(means), dtype=np.int64)
    shuffled[order] = _clusters(means[order], 10)
    assert partition(_clusters(means, 10).tolist()) == partition(shuffled.tolist())


@pytest.mark.parametrize("seed", range(5))
def test_rounding_between_machines_changes_no_cluster(seed):
    means, labels = sentences(seed)
    rng = np.random.default_rng(seed)
    # As embeddings differ: by text, so that equal pairs stay equal.
    distinct, row = np.unique(means, axis=0, return_inverse=True)
    moved = (distinct + 1e-8 * rng.normal(size=distinct.shape))[row.reshape(-1)]
    expected, actual = cluster_purity(means, labels), cluster_purity(moved, labels)
    assert expected.value == actual.value
    assert partition(expected.details["cluster_labels"]) == partition(actual.details["cluster_labels"])


def test_points_that_only_rounding_tells_apart_are_one_cluster():
    rng = np.random.default_rng(0)
    collapsed = np.ones((30, 4)) + 1e-15 * rng.integers(0, 50, size=(30, 4))
    means = np.vstack([collapsed, 9 + rng.normal(size=(30, 4))])
    actual = cluster_purity(means, np.repeat(np.array([0, 1], dtype=np.int8), 30))
    assert actual.value == 1.0
    assert actual.details["cluster_labels"][:30] == [actual.details["cluster_labels"][0]] * 30


def test_no_cluster_at_all_is_undefined_and_says_what_was_seen():
    labels = (np.arange(60) % 2).astype(np.int8)
    actual = cluster_purity(np.random.default_rng(0).normal(size=(60, 10)), labels)
    assert math.isnan(actual.value)
    assert actual.reason == "HDBSCAN found no cluster: all 60 pairs are noise"
    assert [0, 1.0, 0.0, 0.5, None] == [actual.details[name] for name in DETAILS]


@pytest.mark.parametrize(
    ("means", "reason"),
    [
        (np.eye(9), "needs at least 10 distinct pair means, two clusters of 5: 9 in 9 pairs"),
        (np.repeat(np.eye(4), 10, axis=0), "needs at least 10 distinct pair means, two clusters of 5: 4 in 40 pairs"),
        (1 + 1e-9 * np.eye(30), "all 30 pair means are the same up to rounding"),
    ],
)
def test_too_little_to_cluster_is_undefined(means, reason):
    actual = cluster_purity(means, (np.arange(len(means)) % 2).astype(np.int8))
    assert math.isnan(actual.value)
    assert reason in actual.reason
