import math
from dataclasses import astuple
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.metrics import METRICS
from harness.metrics.cluster_purity import _purity
from harness.statistics import compare
from harness.statistics.intervals import percentile_interval
from harness.statistics.resampling import draw_blocks, pair_weights, resampling_units

from ..arrays import SEEDS, lone, measure, two_models


def numbers(change):
    return astuple(change)[:-1]


def clusterings(seed, count):
    return tuple(np.random.default_rng(seed).integers(-1, 3, (2, count)))


@settings(max_examples=50)
@given(SEEDS, st.integers(4, 60), st.sampled_from([1, 15]))
def test_values_are_the_metrics(seed, count, decimals):
    now, stored, labels = two_models(seed, count, decimals=decimals)
    clusters = clusterings(seed, count)
    found = compare(now, stored, labels, lone(count), seed=1, clusters=clusters, resamples=5, permutations=5)
    assert list(METRICS) == list(found)
    for name, change in found.items():
        if name == "cluster_purity":
            expected = [_purity(given, labels).value for given in clusters]
        else:
            expected = [measure(name, scores, labels) for scores in (now, stored)]
        assert expected == pytest.approx([change.now, change.stored], rel=1e-9, nan_ok=True)
        assert change.now - change.stored == pytest.approx(change.change, nan_ok=True)


@pytest.mark.parametrize("decimals", [1, 15])
def test_p_values_equal_those_of_all_permutations(decimals):
    """Ten groups of pairs have 1,024 permutations: each written down, and measured with the metrics themselves."""
    now, stored, labels = two_models(3, 15, decimals=decimals, gain=0.5)
    rows = np.stack([np.arange(15) % 10, np.arange(20, 35)], axis=1)
    clusters = clusterings(4, 15)
    found = compare(now, stored, labels, rows, seed=1, clusters=clusters, permutations=8000)
    swaps = [np.tile(swap, 2)[:15] for swap in product([False, True], repeat=10)]
    outcomes = np.stack([outcome(given, labels) for given in clusters])
    for name, change in found.items():
        pair = np.stack([now, stored] if name in ("margin", "cohens_d") else [*map(stats.rankdata, (now, stored))])
        pair = outcomes if name == "cluster_purity" else pair
        changes = np.array([swapped_change(name, pair, labels, swap) for swap in swaps])
        expected = np.mean(np.abs(changes) >= abs(change.change) - 1e-12)
        assert 0.001 < expected <= 1
        assert expected == pytest.approx(change.p_value, abs=0.025)


def outcome(clusters, labels):
    """Right and clustered, of each pair."""
    found = np.zeros((len(labels), 2))
    for name in set(clusters.tolist()) - {-1}:
        members = clusters == name
        positives = labels[members].mean()
        right = np.full(members.sum(), 0.5) if positives == 0.5 else labels[members] == (positives > 0.5)
        found[members] = np.stack([right, np.ones(members.sum())], axis=1)
    return found


def swapped_change(name, pair, labels, swap):
    chosen = swap if pair.ndim == 2 else swap[:, np.newaxis]
    first, second = np.where(chosen, pair[1], pair[0]), np.where(chosen, pair[0], pair[1])
    if name == "cluster_purity":
        return np.divide(*first.sum(axis=0)) - np.divide(*second.sum(axis=0))
    return measure(name, first, labels) - measure(name, second, labels)


def test_the_same_model_did_not_change():
    now, _, labels = two_models(1, 50)
    clusters = clusterings(1, 50)
    for change in compare(now, now, labels, lone(50), seed=1, clusters=(clusters[0],) * 2, permutations=99).values():
        assert (0.0, 0.0, 0.0, 1.0, "") == astuple(change)[2:]


@settings(max_examples=20)
@given(SEEDS, st.sampled_from([1, 15]))
def test_order_of_pairs_does_not_matter_and_the_other_way_round_it_is_the_opposite(seed, decimals):
    rng = np.random.default_rng(seed)
    now, stored, labels = two_models(seed, 40, decimals=decimals)
    rows, clusters, order = rng.integers(0, 70, (40, 2)), clusterings(seed, 40), rng.permutation(40)
    settled = {"seed": 1, "resamples": 99, "permutations": 99}
    expected = compare(now, stored, labels, rows, clusters=clusters, **settled)
    moved = tuple(given[order] for given in clusters)
    actual = compare(now[order], stored[order], labels[order], rows[order], clusters=moved, **settled)
    back = compare(stored, now, labels, rows, clusters=clusters[::-1], **settled)
    for name, change in expected.items():
        assert numbers(change) == pytest.approx(numbers(actual[name]), nan_ok=True, rel=1e-9, abs=1e-12)
        opposite = (-change.change, -change.high, -change.low, change.p_value)
        assert opposite == pytest.approx(numbers(back[name])[2:], nan_ok=True, abs=1e-12)


def test_without_a_p_value_or_a_clustering_the_rest_is_there():
    now, stored, labels = two_models(1, 60)
    crossed = np.stack([np.arange(60) % 8, 10 + np.arange(60) // 8], axis=1)
    change = compare(now, stored, labels, crossed, seed=1, resamples=200, permutations=200)["auc_roc"]
    assert change.low < change.change < change.high
    assert math.isnan(change.p_value)
    assert change.reason == "a p-value needs 6 independent groups of pairs, found 1"
    found = compare(now, stored, labels, lone(60), seed=1, resamples=20, permutations=20)
    assert ["cluster_purity"] == [name for name, change in found.items() if change.reason]
    assert np.isnan(numbers(found["cluster_purity"])).all()


@pytest.mark.parametrize("decimals", [1, 15])
def test_intervals_are_those_of_each_resample_written_down_and_measured(decimals):
    now, stored, labels = two_models(5, 40, decimals=decimals)
    rows = np.stack([np.arange(40) % 25, np.arange(40, 80)], axis=1)
    metrics = [name for name in METRICS if name != "cluster_purity"]
    found = compare(now, stored, labels, rows, seed=1, resamples=60, permutations=1, metrics=metrics)
    assert metrics == list(found)
    units = resampling_units(rows)
    [draws] = draw_blocks(units, 60, 1)
    repeats = [np.repeat(np.arange(40), row.astype(int)) for row in pair_weights(units, draws, np.arange(40))]
    for name, change in found.items():
        changes = np.array(
            [measure(name, now[row], labels[row]) - measure(name, stored[row], labels[row]) for row in repeats]
        )
        interval = percentile_interval(change.change, changes, units.count)
        assert [change.low, change.high] == pytest.approx([interval.low, interval.high], rel=1e-9)
