"""Purity of the clusters that the pairs form in the embedding space."""

from dataclasses import replace
from typing import Any

import numpy as np

from harness.metrics.checks import require_length, undefined, why_not_numbers, why_not_two_classes
from harness.metrics.tally import running_counts
from harness.metrics.types import Integers, Labels, MetricResult, Tally, Values

_COMPONENTS = 10
_CLUSTER_SIZE = 5  # the least; HDBSCAN's own default, also of its `min_samples`
_ROUNDING = 1e-6  # relative; embeddings are computed in single precision
_MOST_POINTS = 5_000  # 0.9 GB
_SEED = 0
_TIE_BREAK = 1e-9  # relative; far above double rounding, far below any real difference of distances


def cluster_purity(pair_means: Values, labels: Labels) -> MetricResult:
    """Share of the clustered pairs that have the majority label of their cluster.

    The clusters are the leaves of HDBSCAN's tree over the first 10 principal components of the pair means: its default
    choice, by excess of mass, jumps between a few large clusters and many small ones from one training to the next (see
    docs/adr/0005). They depend neither on the order of the pairs nor on the machine, which takes two precautions.
    Pairs with identical means are one point, and share its cluster. And ties between reachability distances, which
    HDBSCAN has by construction and resolves by row order and by the sort routine of the processor, are resolved by the
    distance itself (see `_reachability`).

    Time and memory are quadratic: 3,000 pairs take about 0.3 GB. Of more than 5,000 distinct means a random sample of
    that many is clustered, the same whatever the order of the pairs; pairs outside it have no cluster and do not count.

    Args:
        pair_means: Mean embedding of each pair, shape `(n_pairs, dimension)`.
        labels: 0 or 1, shape `(n_pairs,)`.

    Returns:
        Purity over the clustered pairs in [0, 1], at least `majority_share_clustered`. Undefined unless there are pairs
        of both labels, 10 distinct pair means (two clusters of 5), all of them finite and not the same up to rounding;
        undefined, too, if every pair is noise. Details: `cluster_count`; `noise_ratio`, the share of pairs in no
        cluster; `purity_noise_as_wrong`, the purity over all pairs, noise counted as wrong; `majority_share` and
        `majority_share_clustered`, the share of the more frequent label among all and among clustered pairs, the purity
        without any structure; `cluster_labels`, the cluster of each pair, -1 for noise and outside the sample; and
        `sampled`, the number of pairs in it, where there is one.

    Raises:
        ValueError: If the shapes do not fit.

    Source:
        R. Campello, D. Moulavi and J. Sander, "Density-based clustering based on hierarchical density estimates", 2013;
        C. Manning, P. Raghavan and H. Schütze, "Introduction to Information Retrieval", 2008, section 16.3 (purity).
    """
    reason = why_not_numbers("cluster_purity", pair_means, "pair_means", ndim=2)
    require_length("labels", labels, len(pair_means))
    if reason := why_not_two_classes("cluster_purity", labels) or reason:
        return undefined(reason)
    if not pair_means.shape[1]:
        return undefined("cluster_purity needs embeddings: there are only scores")
    # Distinct and sorted: the same points in the same order, whatever the order of the pairs.
    points, point_of_pair = np.unique(pair_means.astype(np.float64), axis=0, return_inverse=True)
    if len(points) < 2 * _CLUSTER_SIZE:
        return undefined(
            f"cluster_purity needs at least {2 * _CLUSTER_SIZE} distinct pair means, "
            f"two clusters of {_CLUSTER_SIZE}: {len(points)} in {len(labels)} pairs"
        )
    scale = np.abs(points).max()
    if np.ptp(points, axis=0).max() <= _ROUNDING * scale:
        return undefined(f"all {len(labels)} pair means are the same up to rounding")
    if len(points) <= _MOST_POINTS:
        return _purity(_clusters(points / scale, _CLUSTER_SIZE)[point_of_pair.reshape(-1)], labels)
    chosen = np.sort(np.random.default_rng(_SEED).choice(len(points), _MOST_POINTS, replace=False))
    clusters, is_chosen = np.full(len(points), -1), np.zeros(len(points), dtype=bool)
    clusters[chosen], is_chosen[chosen] = _clusters(points[chosen] / scale, _CLUSTER_SIZE), True
    of_pair, looked_at = clusters[point_of_pair.reshape(-1)], is_chosen[point_of_pair.reshape(-1)]
    found = _purity(of_pair[looked_at], labels[looked_at])
    of_all = {"cluster_labels": of_pair.tolist(), "sampled": int(np.count_nonzero(looked_at))}
    return replace(found, details={**found.details, **of_all})


def weighted_cluster_purity(tally: Tally) -> Values:
    """`cluster_purity` in many resamples, the clustering held fixed, shape `(n_resamples,)`; NaN without one."""
    if tally.ranking.clusters is None:
        return np.full(len(tally.weights), np.nan)
    positive, negative = (
        np.diff(running_counts(np.pad(tally.weights[:, positions], ((0, 0), (1, 0))))[:, bounds], axis=1)
        for positions, bounds in tally.ranking.clusters
    )
    return np.asarray(np.maximum(positive, negative).sum(axis=1) / (positive + negative).sum(axis=1))


def purity_terms(labels: Labels, clusters: Integers) -> Values:
    """Numerator and denominator of the purity, pair by pair.

    Clusters of two models have nothing in common but this, so this is what a permutation test can swap.

    Args:
        labels: 0 or 1, shape `(n_pairs,)`.
        clusters: Cluster of each pair, -1 for noise, shape `(n_pairs,)`.

    Returns:
        Whether each pair has its cluster's majority label, and whether it is clustered, shape `(n_pairs, 2)`. Where a
        cluster has as many of either label, each of its pairs counts one half.

    Example:
        >>> purity_terms(np.array([1, 1, 0, 0]), np.array([0, 0, 0, -1])).sum(axis=0).tolist()
        [2.0, 3.0]
    """
    _, cluster = np.unique(clusters, return_inverse=True)
    positive_share = np.bincount(cluster, weights=labels) / np.bincount(cluster)
    agrees = (1 + np.sign(positive_share - 0.5)[cluster] * (2 * labels - 1.0)) / 2
    clustered = clusters >= 0
    return np.stack([np.where(clustered, agrees, 0.0), clustered.astype(np.float64)], axis=1)


def _clusters(points: Values, min_cluster_size: int) -> Integers:
    """Return HDBSCAN's cluster of each point, -1 for noise, shape `(n_points,)`."""
    from hdbscan import HDBSCAN
    from sklearn.decomposition import PCA

    components = min(_COMPONENTS, len(points) - 1, points.shape[1])
    projected = PCA(n_components=components, svd_solver="full").fit_transform(points)
    # min_samples=1: the matrix holds reachability distances already, and with 1 HDBSCAN leaves them as they are.
    model = HDBSCAN(
        metric="precomputed", min_cluster_size=min_cluster_size, min_samples=1, cluster_selection_method="leaf"
    )
    return np.asarray(model.fit_predict(_reachability(projected, min_cluster_size)), dtype=np.int64)


def _reachability(points: Values, min_samples: int) -> Values:
    """HDBSCAN's mutual reachability distances, without ties, shape `(n_points, n_points)`.

    The reachability of two points is the greatest of their distance and their two core distances (to the
    `min_samples`-th neighbour). A point with a large core distance is thus equally far from many others, the minimum
    spanning tree is ambiguous: shuffling 295 rows changed up to 36 % of HDBSCAN's labels, and the sort routine of
    another processor changed some as well. Nearer first is the natural choice: reachability grows by up to a billionth
    with the distance.
    """
    from scipy.spatial.distance import cdist

    distances = cdist(points, points)
    core = np.partition(distances, min_samples, axis=0)[min_samples]
    reach = np.maximum(distances, core)
    np.maximum(reach, core[:, np.newaxis], out=reach)
    reach *= 1 + _TIE_BREAK * (distances / distances.max())
    return np.asarray(reach, dtype=np.float64)


def _purity(clusters: Integers, labels: Labels) -> MetricResult:
    """Purity of given clusters, -1 for noise."""
    clustered = clusters >= 0
    size = int(np.count_nonzero(clustered))
    names = np.unique(clusters[clustered])
    correct = sum(_majority(labels[clusters == name]) for name in names)
    details: dict[str, Any] = {
        "cluster_count": len(names),
        "noise_ratio": (len(labels) - size) / len(labels),
        "purity_noise_as_wrong": correct / len(labels),
        "majority_share": _majority(labels) / len(labels),
        "majority_share_clustered": _majority(labels[clustered]) / size if size else None,
        "cluster_labels": clusters.tolist(),
    }
    if size == 0:
        return undefined(f"HDBSCAN found no cluster: all {len(labels)} pairs are noise", details)
    return MetricResult(correct / size, details=details)


def _majority(labels: Labels) -> int:
    """Number of pairs with the more frequent label."""
    positives = int(np.count_nonzero(labels == 1))
    return max(positives, len(labels) - positives)
