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
    members = [labels[clusters == name].tolist() for name in set(clusters.tolist()) - {-1}]
    return sum(Counter(found).most_common(1)[0][1] for found in members), sum(map(len, members))


def partition(clusters):
    """Clusters without their numbers: the rows of noise, and those of each cluster."""
    rows = {name: np.flatnonzero(np.equal(clusters, name)).tolist() for name in {-1, *clusters}}
    return rows.pop(-1), sorted(rows.values())


DETAILS = ("cluster_count", "noise_ratio", "purity_noise_as_wrong", "majority_share", "majority_share_clustered")


def test_purity_by_hand():
    clusters = np.array([0, 0, 0, 1, 1, -1, -1, -1])
    labels = np.array([1, 1, 0, 0, 0, 1, 1, 1], dtype=np.int8)
    actual = _purity(clusters, labels)
    details = dict(zip(DETAILS, (2, 3 / 8, 4 / 8, 5 / 8, 3 / 5), strict=True))
    assert (4 / 5, {**details, "cluster_labels": clusters.tolist()}) == (actual.value, actual.details)
    assert [[0.5, 1], [0.5, 1]] == purity_terms(np.array([1, 0]), np.array([0, 0])).tolist()  # no majority


@pytest.mark.parametrize("seed", range(5))
def test_purity_equals_brute_force_and_neither_order_nor_rounding_changes_a_cluster(seed):
    means, labels = sentences(seed)
    actual = cluster_purity(means, labels)
    clusters = np.array(actual.details["cluster_labels"])
    correct, clustered = brute_force_purity(clusters, labels)
    assert (correct / clustered, correct / len(labels)) == (actual.value, actual.details["purity_noise_as_wrong"])
    assert [correct, clustered] == purity_terms(labels, clusters).sum(axis=0).tolist()
    distinct, row = np.unique(means, axis=0, return_inverse=True)
    row = row.reshape(-1)
    assert len(distinct) < len(means), "the data must have identical pairs"
    assert len(distinct) == len(set(zip(row.tolist(), clusters.tolist(), strict=True))), "they share a cluster"
    # Not only because `cluster_purity` sorts: no tie is left for the order, or for a machine's sort, to decide.
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(distinct))
    shuffled = np.empty(len(distinct), dtype=np.int64)
    shuffled[order] = _clusters(distinct[order], 10)
    assert partition(_clusters(distinct, 10)) == partition(shuffled)
    # Machines round embeddings differently by text, so that equal pairs stay equal.
    moved = cluster_purity((distinct + 1e-8 * rng.normal(size=distinct.shape))[row], labels)
    assert actual.value == moved.value
    assert partition(clusters) == partition(moved.details["cluster_labels"])


@pytest.mark.parametrize("seed", range(5))
def test_clear_clusters_and_noise_equal_sklearn(seed):
    rng = np.random.default_rng(seed)
    blobs = [centre + rng.normal(size=(25, 16)) for centre in 20 * rng.normal(size=(4, 16))]
    means = np.vstack([*blobs, 200 * rng.normal(size=(6, 16))])
    # scikit-learn's own counts a point among its `min_samples` neighbours.
    clustering = HDBSCAN(min_cluster_size=10, min_samples=11, copy=True)
    expected = clustering.fit_predict(PCA(n_components=10, svd_solver="full").fit_transform(means))
    assert set(expected.tolist()) == {-1, 0, 1, 2, 3}
    assert partition(expected) == partition(_clusters(means, 10))


def test_reachability_equals_hdbscan_but_for_the_tie_break():
    points = np.random.default_rng(0).normal(size=(40, 3))
    expected = mutual_reachability(cdist(points, points), min_points=5)
    actual = _reachability(points, 5)
    np.testing.assert_allclose(expected, actual, rtol=2e-9)
    upper = np.triu_indices(len(points), 1)
    assert len(np.unique(expected[upper])) < len(np.unique(actual[upper])) == len(upper[0])


def test_points_that_only_rounding_tells_apart_are_one_cluster():
    rng = np.random.default_rng(0)
    collapsed = np.ones((30, 4)) + 1e-15 * rng.integers(0, 50, size=(30, 4))
    means = np.vstack([collapsed, 9 + rng.normal(size=(30, 4))])
    actual = cluster_purity(means, np.repeat(np.array([0, 1], dtype=np.int8), 30))
    assert actual.value == 1.0
    assert actual.details["cluster_labels"][:30] == [actual.details["cluster_labels"][0]] * 30


def test_without_a_cluster_or_with_too_little_to_cluster_it_is_undefined_and_says_what_was_seen():
    found = cluster_purity(np.random.default_rng(0).normal(size=(60, 10)), (np.arange(60) % 2).astype(np.int8))
    assert math.isnan(found.value)
    assert found.reason == "HDBSCAN found no cluster: all 60 pairs are noise"
    assert [0, 1.0, 0.0, 0.5, None] == [found.details[name] for name in DETAILS]
    for means, reason in (
        (np.eye(9), "at least 10 distinct pair means, two clusters of 5: 9 in 9 pairs"),
        (np.repeat(np.eye(4), 10, axis=0), "at least 10 distinct pair means, two clusters of 5: 4 in 40 pairs"),
        (1 + 1e-9 * np.eye(30), "all 30 pair means are the same up to rounding"),
    ):
        found = cluster_purity(means, (np.arange(len(means)) % 2).astype(np.int8))
        assert math.isnan(found.value)
        assert reason in found.reason


def test_of_many_points_a_sample_is_clustered_whatever_the_order_of_the_pairs(monkeypatch):
    from harness.metrics import cluster_purity as module

    means, labels = sentences(3, count=400)
    assert "sampled" not in cluster_purity(means, labels).details
    monkeypatch.setattr(module, "_MOST_POINTS", 200)
    monkeypatch.setattr(
        module, "_clusters", lambda points, size: _clusters(points, size) if len(points) <= 200 else 1 / 0
    )
    found = cluster_purity(means, labels)
    clusters = np.array(found.details["cluster_labels"])
    correct, clustered = brute_force_purity(clusters, labels)
    assert 0 < clustered <= found.details["sampled"] < 300 < len(clusters)
    assert correct / clustered == found.value
    assert found.details["noise_ratio"] == 1 - clustered / found.details["sampled"]
    turned = cluster_purity(means[::-1], labels[::-1])
    assert (found.value, clusters.tolist()) == (turned.value, turned.details["cluster_labels"][::-1])
