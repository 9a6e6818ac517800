from __future__ import annotations

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

from ..arrays import OF_SCORES, SEEDS, lone, measure


def two_models(seed, count, *, decimals=15, gain=0.0):
    """Scores of two models, alike in part, and labels: at least two of each."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.5).astype(np.int8)
    labels[:4] = 0, 1, 0, 1
    shared = rng.normal(size=count) + labels
    now, stored = (0.2 * (shared + 0.7 * rng.normal(size=count) + more * labels) for more in (gain, 0.0))
    return now.round(decimals), stored.round(decimals), labels


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
        expected = [
            _purity(given, labels).value if name == "cluster_purity" else measure(name, scores, labels)
            for scores, given in zip((now, stored), clusters, strict=True)
        ]
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
        if name == "cluster_purity":
            pair = outcomes
        elif name in ("margin", "cohens_d"):
            pair = np.stack([now, stored])
        else:
            pair = np.stack([stats.rankdata(now), stats.rankdata(stored)])
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


def test_p_values_are_uniform_when_nothing_changed():
    p_values = {name: [] for name in OF_SCORES}
    for trial in range(200):
        now, stored, labels = two_models(trial, 60)
        found = compare(now, stored, labels, lone(60), seed=trial, resamples=1, permutations=99)
        for name, values in p_values.items():
            values.append(found[name].p_value)
    for name in ("spearman", "margin", "cohens_d", "auc_roc"):
        assert stats.kstest(p_values[name], "uniform").pvalue > 0.01
    for name in ("best_f1", "false_positives"):  # steps: equal changes count as large
        for level in (0.05, 0.1, 0.25):
            assert np.mean(np.array(p_values[name]) <= level) < level + 3 * math.sqrt(level * (1 - level) / 200)


def test_p_values_of_pairs_that_share_texts_are_right_only_if_texts_are_swapped_whole():
    rejected = {"texts": 0, "pairs": 0}
    rows = np.stack([np.repeat(np.arange(30), 6), 1000 + np.arange(180)], axis=1)
    for trial in range(100):
        rng = np.random.default_rng(trial)
        labels = (rng.permutation(30) % 2)[rows[:, 0]].astype(np.int8)
        now, stored = (labels + rng.normal(size=30)[rows[:, 0]] + 0.5 * rng.normal(size=180) for _ in range(2))
        for way, drawn in (("texts", rows), ("pairs", lone(180))):
            found = compare(now, stored, labels, drawn, seed=trial, resamples=1, permutations=99)
            rejected[way] += found["margin"].p_value <= 0.05
    assert 1 <= rejected["texts"] <= 10
    assert rejected["pairs"] > 30


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


def test_metrics_of_ranks_are_those_that_another_scale_leaves_alone():
    now, stored, labels = two_models(2, 80, gain=0.2)
    expected = compare(now, stored, labels, lone(80), seed=1, clusters=clusterings(2, 80), permutations=200)
    actual = compare(now, np.exp(3 * stored), labels, lone(80), seed=1, clusters=clusterings(2, 80), permutations=200)
    of_scores = {name for name, metric in METRICS.items() if not metric.by_rank and not metric.terms}
    assert of_scores == {name for name in METRICS if expected[name].p_value != actual[name].p_value}
    assert of_scores == {name for name in METRICS if expected[name] != actual[name]}


def test_too_few_independent_groups_have_an_interval_but_no_p_value():
    now, stored, labels = two_models(1, 60)
    crossed = np.stack([np.arange(60) % 8, 10 + np.arange(60) // 8], axis=1)
    change = compare(now, stored, labels, crossed, seed=1, resamples=200, permutations=200)["auc_roc"]
    assert change.low < change.change < change.high
    assert math.isnan(change.p_value)
    assert change.reason == "a p-value needs 6 independent groups of pairs, found 1"


def test_without_clusterings_only_purity_is_missing():
    now, stored, labels = two_models(1, 60)
    found = compare(now, stored, labels, lone(60), seed=1, resamples=20, permutations=20)
    assert ["cluster_purity"] == [name for name, change in found.items() if change.reason]
    assert np.isnan(numbers(found["cluster_purity"])).all()
    assert found["cluster_purity"].reason == "the metric has no value for these pairs"
