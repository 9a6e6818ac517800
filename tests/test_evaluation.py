"""Every metric of one model, and its way through strict JSON and back."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evaluation import Evaluation, evaluate, from_json, to_json
from harness.metrics import METRICS, GroupResult, MetricResult
from harness.pairs import Pair, PairSet

NAN = math.nan


def pair_set(labels: list[int]) -> PairSet:
    pairs = tuple(
        Pair(f"left {index}", f"right {index}", label, "ab"[index % 2], "s", "one" if label else "two")
        for index, label in enumerate(labels)
    )
    return PairSet(Path("unused"), "", pairs)


def embeddings_of(pairs: PairSet, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(len(pairs.texts), 6)).astype(np.float32)


def strict(content: Any) -> Any:
    return json.loads(json.dumps(content, allow_nan=False))


def as_text(evaluation: Evaluation) -> str:
    return repr(dataclasses.asdict(evaluation))  # NaN reads the same, where it does not compare the same


def test_every_metric_and_every_group_is_measured() -> None:
    pairs = pair_set([0, 1, 1, 0] * 10)
    evaluation = evaluate(embeddings_of(pairs), pairs)
    assert list(METRICS) == list(evaluation.metrics)
    assert (["a", "b"], ["one", "two"]) == (list(evaluation.categories), list(evaluation.pair_types))
    assert 40 == len(evaluation.scores)
    assert 40 == sum(group.count for group in evaluation.categories.values())


def test_scores_are_cosines_in_the_order_of_the_file() -> None:
    pairs = pair_set([1, 0, 1])
    rows = embeddings_of(pairs)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    expected = [float(unit[2 * index] @ unit[2 * index + 1]) for index in range(3)]
    np.testing.assert_allclose(expected, evaluate(rows, pairs).scores, atol=1e-6)


def test_the_margin_is_that_of_the_scores() -> None:
    pairs = pair_set([1, 0, 1, 1, 0])
    evaluation = evaluate(embeddings_of(pairs), pairs)
    by_label = [
        [s for s, label in zip(evaluation.scores, pairs.labels, strict=True) if label == wanted] for wanted in (1, 0)
    ]
    assert sum(by_label[0]) / 3 - sum(by_label[1]) / 2 == pytest.approx(evaluation.metrics["margin"].value, abs=1e-12)


@pytest.mark.parametrize(
    "labels",
    [[0, 1, 1, 0] * 10, [1] * 12, [0, 1], [1, 1, 1, 0]],
    ids=["usual", "one-class", "two-pairs", "one-negative"],
)
def test_an_evaluation_comes_back_from_strict_json_as_it_was(labels: list[int]) -> None:
    pairs = pair_set(labels)
    evaluation = evaluate(embeddings_of(pairs), pairs)
    assert as_text(evaluation) == as_text(from_json(strict(to_json(evaluation))))


def test_an_undefined_value_keeps_its_reason() -> None:
    pairs = pair_set([1] * 12)
    back = from_json(strict(to_json(evaluate(embeddings_of(pairs), pairs))))
    for result in back.metrics.values():
        assert math.isnan(result.value)
        assert result.reason
    assert math.isnan(back.categories["a"].margin)
    assert back.categories["a"].reason


def test_a_zero_embedding_gives_an_undefined_score_and_a_reason() -> None:
    pairs = pair_set([0, 1, 1, 0] * 10)
    rows = embeddings_of(pairs)
    rows[0] = 0
    back = from_json(strict(to_json(evaluate(rows, pairs))))
    assert [0] == [index for index, score in enumerate(back.scores) if math.isnan(score)]
    assert math.isnan(back.metrics["spearman"].value)
    assert "1 of 40 scores are not finite" in back.metrics["spearman"].reason


values = st.just(NAN) | st.floats(-1, 1)
details = st.dictionaries(
    st.text(max_size=4), st.none() | st.integers() | st.lists(st.floats(-1, 1), max_size=3), max_size=3
)
results = st.builds(MetricResult, values, st.text(max_size=4), details)
groups = st.builds(
    GroupResult, *[st.integers(0, 99)] * 3, *[values] * 5, st.text(max_size=4)
)  # fmt: skip
evaluations = st.builds(
    Evaluation,
    st.dictionaries(st.sampled_from(list(METRICS)), results),
    st.dictionaries(st.text(max_size=3), groups, max_size=3),
    st.dictionaries(st.text(max_size=3), groups, max_size=3),
    st.lists(values, max_size=4).map(tuple),
)


@given(evaluations)
def test_any_evaluation_comes_back_from_strict_json_as_it_was(evaluation: Evaluation) -> None:
    assert as_text(evaluation) == as_text(from_json(strict(to_json(evaluation))))
