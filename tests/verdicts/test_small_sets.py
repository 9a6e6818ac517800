"""Verdicts on evaluation sets that are small or odd: equally good trainings seldom fail, and a bad one always does."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binomtest

from harness.analyses.evaluation import evaluate_pairs
from harness.baselines import build_model, undefined_metrics
from harness.config import read_case
from harness.data import Pair, PairSet
from harness.gates.inputs import large_categories

from .failing import failing

SEEDS, GOOD = 8, 20
_LABELS_OF_ONE_CATEGORY = {"topic 0": 1}


def one_category(_):
    return "all of them"


def topics(row):
    return f"topic {row % 3}"


SETS = {
    "50 pairs": (50, topics, {}, 0.0),
    "one category": (60, one_category, {}, 0.0),
    "heavy ties": (150, topics, {}, 0.2),
    "one class in a category": (150, topics, _LABELS_OF_ONE_CATEGORY, 0.0),
    "nearly separated": (120, topics, {}, 0.4),
}
"""Name -> number of pairs, category of a row, labels of whole categories, and what scores are rounded to (0: not)."""


@pytest.mark.parametrize("name", SETS)
def test_good_trainings_seldom_fail_and_a_bad_one_always_does(dating_case_path, name):
    case = read_case(dating_case_path)
    count, category, whole, step = SETS[name]
    pairs = make_pairs(count, category, whole)
    compared = large_categories(pairs, case.gates.category_pairs)
    assert not set(whole) & set(compared)
    rng = np.random.default_rng(0)
    apart = 0.8 if name == "nearly separated" else 0.3
    own = apart * pairs.labels + rng.normal(0, 0.15, count)  # how alike the pairs are, whoever is asked

    def trained(level=own):
        scores = np.clip(level + rng.normal(0, 0.03, count), -0.99, 0.99)
        scores = np.round(scores / step) * step if step else scores
        vectors: np.ndarray = with_cosines(np.clip(scores, -1, 1), pairs)
        return evaluate_pairs(embeddings=SimpleNamespace(arrays={"eval": vectors}), texts="eval", pairs=pairs)

    seeds = {seed: trained() for seed in range(SEEDS)}
    undefined = undefined_metrics(seeds.values())
    stored = build_model(case, "standard", seeds[0], seeds, compared, {}, {}, undefined=undefined)

    def failures(found):
        return [verdict.text for verdict in failing(stored, seeds[0].scores, found, pairs)]

    alarms = [failed for failed in (failures(trained()) for _ in range(GOOD)) if failed]
    allowed = 1 - case.tolerance.confidence
    assert binomtest(len(alarms), GOOD, allowed, alternative="greater").pvalue > 0.01, alarms
    for bad in (own.mean() - (own - own.mean()), np.full(count, own.mean())):  # the other way round, and nothing known
        assert failures(trained(bad))


def make_pairs(count, category, whole):
    pairs = [
        Pair(f"left {row}", f"right {row}", whole.get(category(row), row // 3 % 2), category(row))
        for row in range(count)
    ]
    return PairSet(Path("eval.jsonl"), "0" * 64, tuple(pairs))


def with_cosines(scores, pairs):
    """Return unit vectors, a row a text, in which the texts of each pair have a given cosine."""
    rng = np.random.default_rng(1)
    first, other = rng.normal(size=(2, len(scores), 8))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    other -= (other * first).sum(axis=1, keepdims=True) * first
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    second = scores[:, None] * first + np.sqrt(1 - scores**2)[:, None] * other
    vectors = np.empty((2 * len(scores), 8), dtype=np.float32)
    vectors[pairs.text_rows[:, 0]], vectors[pairs.text_rows[:, 1]] = first, second
    return vectors
