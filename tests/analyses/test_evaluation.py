"""Every metric of one model, and its way through the store and back."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.analyses import EVALUATE
from harness.analyses.evaluation import evaluate_pairs
from harness.data import Pair, PairSet
from harness.metrics import METRICS


def pair_set(labels):
    pairs = tuple(
        Pair(f"left {index}", f"right {index}", label, "ab"[index % 2], "s", "one" if label else "two")
        for index, label in enumerate(labels)
    )
    return PairSet(Path("unused"), "", pairs)


def embeddings_of(pairs):
    return np.random.default_rng(0).normal(size=(len(pairs.texts), 6)).astype(np.float32)


def evaluated(vectors, pairs, **left_out):
    return evaluate_pairs(embeddings=SimpleNamespace(arrays={"eval": vectors}), texts="eval", pairs=pairs, **left_out)


def through_the_store(evaluation):
    return EVALUATE.codec.validate_json(EVALUATE.codec.dump_json(evaluation))


def test_scores_are_cosines_in_the_order_of_the_file():
    pairs = pair_set([1, 0, 1])
    rows = embeddings_of(pairs)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    expected = [float(unit[2 * index] @ unit[2 * index + 1]) for index in range(3)]
    np.testing.assert_allclose(expected, evaluated(rows, pairs).scores, atol=1e-6)


def test_pairs_that_are_left_out_count_nowhere():
    pairs = pair_set([0, 1, 1, 0] * 10)
    vectors = embeddings_of(pairs)
    every, some = evaluated(vectors, pairs), evaluated(vectors, pairs, without=(0, 5))
    assert every.scores[1:5] + every.scores[6:] == some.scores
    assert sum(group.count for group in some.categories.values()) == 38
    assert every.metrics["spearman"].value != some.metrics["spearman"].value


def test_a_zero_embedding_gives_an_undefined_score_and_a_reason():
    pairs = pair_set([0, 1, 1, 0] * 10)
    rows = embeddings_of(pairs)
    rows[0] = 0
    back = through_the_store(evaluated(rows, pairs))
    assert [0] == [index for index, score in enumerate(back.scores) if math.isnan(score)]
    assert math.isnan(back.metrics["spearman"].value)
    assert "1 of 40 scores are not finite" in back.metrics["spearman"].reason


@pytest.mark.parametrize("labels", [[0, 1, 1, 0] * 10, [1] * 12, [1, 1, 1, 0]], ids=["usual", "one-class", "one-neg"])
def test_an_evaluation_comes_back_from_the_store_as_it_was(labels):
    pairs = pair_set(labels)
    evaluation = evaluated(embeddings_of(pairs), pairs)
    assert list(METRICS) == list(evaluation.metrics)
    assert repr(evaluation) == repr(through_the_store(evaluation))  # NaN is not equal to itself
