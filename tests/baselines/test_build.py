"""A model is stored with its tolerances, and never with a value that is undefined."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from harness.baselines import CATEGORY_METRICS, build_model, build_scores
from harness.baselines.build import tolerance
from harness.config import Case, read_case
from harness.errors import BaselineError
from harness.metrics import METRICS, Evaluation
from harness.statistics import retraining_tolerance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Evaluation]


@pytest.fixture(scope="module")
def case(dating_case_path: Path) -> Case:
    return read_case(dating_case_path)


def build(case: Case, model: str, evaluation: Evaluation, retrained: dict[int, Evaluation], **changed: Any) -> Any:
    content = {"categories": ("values",), "settings": {"pooling": "mean"}, "provenance": {"made": "here"}, **changed}
    return build_model(case, model, evaluation, retrained, **content)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.82, 0.82, 0.82], 0.01),  # the floor
        ([0.80, 0.82, 0.84], 4.302653 * math.sqrt(2) * 0.02),  # Student's 97.5 % with two degrees of freedom
        ([-1.0, 1.0, 0.0, 0.0], 3.182446 * math.sqrt(2) * math.sqrt(2 / 3)),  # with three
    ],
)
def test_a_trained_models_tolerance_is_from_its_spread_but_at_least_the_floor(
    case: Case, values: list[float], expected: float
) -> None:
    assert 0.95 == case.tolerance.confidence
    # Two comparisons share the 5 %.
    assert expected == pytest.approx(tolerance(case, "lora", "spearman", values, comparisons=2), abs=1e-5)


def test_a_trained_model_is_stored_with_its_seeds_and_directions(case: Case, make_evaluation: Make) -> None:
    retrained = {seed: make_evaluation(value) for seed, value in ((42, 0.8), (44, 0.84), (43, 0.82))}
    built = build(case, "lora", make_evaluation(0.8000000001), retrained)
    assert {name: metric.direction for name, metric in METRICS.items()} == {
        name: value.direction for name, value in built.metrics.items()
    }
    spearman = built.metrics["spearman"]
    assert (0.8, {"42": 0.8, "43": 0.82, "44": 0.84}) == (spearman.value, spearman.seeds)
    comparisons = len(METRICS) + len(CATEGORY_METRICS)
    expected = retraining_tolerance([0.8, 0.82, 0.84], comparisons=comparisons, confidence=0.95)
    assert expected == pytest.approx(spearman.tolerance, abs=1e-6)
    assert ({"made": "here"}, {"pooling": "mean"}) == (built.provenance, built.settings)
    assert {"values": set(CATEGORY_METRICS)} == {name: set(group) for name, group in built.categories.items()}
    assert (0.9, 0.5) == tuple(built.categories["values"][metric].value for metric in ("auc_roc", "margin"))


def test_the_base_is_stored_without_seeds_and_with_the_cases_tolerance(case: Case, make_evaluation: Make) -> None:
    built = build(case, "base", make_evaluation(-0.2), {})
    assert {name: ({}, case.tolerance.base[name]) for name in METRICS} == {
        name: (value.seeds, value.tolerance) for name, value in built.metrics.items()
    }


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        ({"spearman": math.nan}, {}, "dating: lora metric spearman is undefined and cannot be stored"),
        ({}, {"spearman": math.nan}, "dating: lora metric spearman is undefined and cannot be stored"),
        ({"margin": math.nan}, {}, "dating: lora values margin is undefined and cannot be stored"),
    ],
    ids=["own", "of-another-seed", "in-a-category"],
)
def test_an_undefined_value_is_never_stored(
    case: Case, make_evaluation: Make, own: dict[str, float], other: dict[str, float], said: str
) -> None:
    first = make_evaluation(**own)
    with pytest.raises(BaselineError) as caught:
        build(case, "lora", first, {42: first, 43: make_evaluation(**other), 44: make_evaluation()})
    assert said == str(caught.value)


def test_only_the_given_categories_are_stored(case: Case, make_evaluation: Make) -> None:
    measured = make_evaluation(categories=("values", "few", "other"))
    built = build(case, "base", measured, {}, categories=("other", "values"))
    assert ["other", "values"] == list(built.categories)


def test_scores_are_a_row_a_pair(make_evaluation: Make) -> None:
    columns = {"base": make_evaluation(), "lora": make_evaluation()}
    assert [{"base": 0.1, "lora": 0.1}, {"base": 0.2, "lora": 0.2}] == build_scores(columns)
