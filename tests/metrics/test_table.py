"""Properties of every row of the METRICS table: a new row is covered by itself."""

import doctest
import importlib
import json
import math
import pkgutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harness.metrics
from harness.metrics import METRICS, ScoredPairs
from harness.metrics.checks import why_undefined

from ..arrays import SEEDS

every_metric = pytest.mark.parametrize("key", METRICS)


@st.composite
def embedded_pairs(draw):
    """Pairs as the harness makes them, of embeddings in blobs: often with equal scores, repeated rows and names."""
    rng = np.random.default_rng(draw(SEEDS))
    count, dimension = draw(st.integers(2, 80)), draw(st.integers(1, 12))
    centres = 3 * rng.normal(size=(draw(st.integers(1, 4)), dimension))
    blob = rng.integers(len(centres), size=count)
    noise = draw(st.sampled_from([0.1, 1.0]))
    first, second = (centres[blob] + noise * rng.normal(size=(count, dimension)) for _ in range(2))
    if draw(st.booleans()):
        first, second = first.round(), second.round()
    first, second = (np.where(np.any(m, axis=1, keepdims=True), m, 1.0) for m in (first, second))
    repeated = rng.integers(count, size=draw(st.integers(0, count // 2)))
    first[: len(repeated)], second[: len(repeated)] = first[repeated], second[repeated]
    labels = np.where(rng.random(count) < 0.8, blob % 2, rng.integers(2, size=count)).astype(np.int8)
    labels[:2] = 0, 1
    names = tuple(rng.choice(["hard", "easy", "né"], size=count).tolist())
    unit_1, unit_2 = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (first, second))
    scores = np.clip(np.einsum("ij,ij->i", unit_1, unit_2), -1, 1)
    return ScoredPairs(scores, labels, (unit_1 + unit_2) / 2, names, names)


LABELS = np.tile(np.array([0, 1], dtype=np.int8), 30)


def two_blobs(scores, blobs):
    """Pairs with given scores, and pair means around two far points."""
    means = np.random.default_rng(0).normal(size=(60, 3)) + 50 * blobs[:, np.newaxis]
    return ScoredPairs(scores, LABELS, means, ("one",) * 60, ("one",) * 60)


GOOD = two_blobs(np.where(LABELS == 1, 1.0, -1.0), LABELS)


def test_rows_are_consistent():
    for row in METRICS.values():
        assert all([row.title, row.unit, row.low < row.high])
        assert row.floor >= row.base_tolerance > 0
        assert row.by_group or not row.by_category


@every_metric
@settings(max_examples=40)
@given(pairs=embedded_pairs(), seed=SEEDS)
def test_in_range_or_nan_with_reason_and_strict_json_details_whatever_the_order_of_pairs(key, pairs, seed):
    row = METRICS[key]
    result = row.function(pairs)
    assert isinstance(result.value, float)
    assert math.isnan(result.value) == bool(result.reason)
    assert math.isnan(result.value) or row.low <= result.value <= row.high
    details = dict(result.details)
    assert details == json.loads(json.dumps(details, allow_nan=False))
    order = np.random.default_rng(seed).permutation(len(pairs.scores))
    names = tuple(pairs.pair_types[at] for at in order)
    shuffled = ScoredPairs(pairs.scores[order], pairs.labels[order], pairs.pair_means[order], names, names)
    if "cluster_labels" in details:
        moved = np.array(details["cluster_labels"])[order].tolist()
        result = replace(result, details={**details, "cluster_labels": moved})
    assert repr(result) == repr(row.function(shuffled))  # NaN reads the same, and does not compare the same


@every_metric
def test_direction_tells_better_from_worse_and_perfect_pairs_hit_its_end(key):
    row = METRICS[key]
    end = row.high if row.direction == "higher" else row.low
    assert math.isinf(end) or end == row.function(GOOD).value
    jitter = np.random.default_rng(1).uniform(-0.3, 0.3, size=len(LABELS))
    better = two_blobs(np.where(LABELS == 1, 0.6, 0.0) + jitter, LABELS)
    worse = two_blobs(np.where(LABELS == 1, -0.2, 0.2) + jitter, np.arange(60) // 30)
    values = [row.function(worse).value, row.function(better).value]
    assert values == sorted(values, reverse=row.direction == "lower")
    assert values[0] != values[1]


@every_metric
def test_equal_scores_are_no_evidence(key):
    """Whatever a metric makes of ties alone, it must not look like success."""
    tied = replace(GOOD, scores=np.full(60, 0.1), pair_means=np.full((60, 3), 0.1))
    expected = {"margin": 0.0, "auc_roc": 0.5, "best_f1": 2 / 3, "false_positives": 30.0}
    result = METRICS[key].function(tied)
    assert expected.get(key) == (None if math.isnan(result.value) else pytest.approx(result.value, abs=1e-15))


def ends_with(bad):
    """Good pairs but for the last score and the last mean."""
    return replace(GOOD, scores=np.append(GOOD.scores[1:], bad), pair_means=np.vstack([GOOD.pair_means[1:], [bad] * 3]))


UNDEFINED = {
    "positive only": (replace(GOOD, labels=np.ones(60, dtype=np.int8)), "60 positive, 0 negative"),
    "empty": (ScoredPairs(np.empty(0), np.empty(0, np.int8), np.empty((0, 3)), (), ()), "none"),
    **{str(bad): (ends_with(bad), "1 of 60") for bad in (math.nan, -math.inf)},
}


@every_metric
@pytest.mark.parametrize(("pairs", "words"), UNDEFINED.values(), ids=UNDEFINED)
def test_undefined_is_nan_with_reason(key, pairs, words):
    result = METRICS[key].function(pairs)
    assert math.isnan(result.value)
    if key == "spearman" and "positive" in words:  # takes graded labels as well: it names the only one
        words = f"labels that differ: all 60 are {pairs.labels[0]}"
    assert words in result.reason


@every_metric
def test_wrong_number_of_labels_is_an_error(key):
    with pytest.raises(ValueError, match="labels must have one value per pair: came 59, expected 60"):
        METRICS[key].function(replace(GOOD, labels=LABELS[1:]))


def test_wrong_shapes_are_errors():
    for scores, labels, message in (
        (np.zeros((2, 2)), [0, 1], r"scores must have 1 dimension\(s\), came with shape \(2, 2\)"),
        (np.zeros(2), [0, 2], "labels must be a vector of 0 and 1.*values 2"),
        (np.zeros(2), [[0], [1]], r"labels must be a vector of 0 and 1, came with shape \(2, 1\)"),
    ):
        with pytest.raises(ValueError, match=message):
            why_undefined("it", scores, np.array(labels, dtype=np.int8))


@pytest.mark.parametrize("module", [found.name for found in pkgutil.iter_modules(harness.metrics.__path__)])
def test_examples_in_docstrings_are_true(module):
    assert doctest.testmod(importlib.import_module(f"harness.metrics.{module}")).failed == 0


@pytest.mark.parametrize("package", ["metrics", "statistics"])
def test_import_loads_no_heavy_library(package):
    heavy = ("scipy", "sklearn", "hdbscan", "torch")
    code = f"import sys, harness.{package}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
