"""What can be compared is answered once; what cannot be is answered with the reason, and with nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from harness.baselines import CATEGORY_METRICS, UPDATE, Baseline, StoredValue, comparable, origin_problems, trusted
from harness.statistics import Change

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Baseline]

OTHER_DATA = {"eval_sha256": "f" * 64, "eval_pairs": 300}
OTHER_BASE = {"base_digest": "c" * 64, "base_name": "mpnet"}
DATA = "the evaluation pairs are others: stored 2 pairs with sha256 eeeeeeeeeeee, now 300 with ffffffffffff"
BASE = "the base is another: stored MiniLM with digest bbbbbbbbbbbb, now mpnet with cccccccccccc"


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        ({}, ()),
        (OTHER_DATA, (DATA,)),
        (OTHER_BASE, (BASE,)),
        ({**OTHER_DATA, **OTHER_BASE}, (DATA, BASE)),
        ({"base_name": "a mirror of the same files"}, ()),
    ],
    ids=["same", "data", "base", "both", "only-the-name"],
)
def test_another_origin_leaves_nothing_to_compare(
    make_baseline: Make, changed: dict[str, Any], problems: tuple[str, ...]
) -> None:
    baseline = make_baseline()
    stored = comparable(baseline, baseline.origin.model_copy(update=changed))
    assert problems == stored.problems
    assert (not problems) == (stored.model("lora") is not None)
    assert math.isnan(stored.result("lora", "spearman").value) == bool(problems)
    assert "; ".join(problems) == stored.result("lora", "spearman").reason


def test_without_a_baseline_the_command_that_stores_one_is_named(make_baseline: Make) -> None:
    stored = comparable(None, make_baseline().origin)
    assert (f"no baseline is stored; store one with {UPDATE}",) == stored.problems
    found = (stored.model("lora"), stored.value("lora", "spearman"), stored.scores("lora"), stored.settings("lora"))
    assert (None,) * 4 == found
    assert () == stored.differences(["base"], ["spearman"], [])


def test_what_is_stored_is_found(make_baseline: Make) -> None:
    baseline = make_baseline()
    stored = comparable(baseline, baseline.origin)
    lora = baseline.models["lora"]
    assert lora.metrics["spearman"] == stored.value("lora", "spearman")
    assert lora.categories["values"]["margin"] == stored.value("lora", "margin", "values")
    assert (-0.25, 0.75) == stored.scores("lora")
    assert {"length": 48} == stored.settings("lora")
    assert (0.8, "") == (stored.result("lora", "spearman").value, stored.result("lora", "spearman").reason)
    assert [None] * 3 == [stored.value(*what) for what in (("big", "spearman"), ("lora", "x"), ("lora", "x", "pets"))]
    assert (None, None) == (stored.scores("big"), stored.settings("big"))
    assert "no x is stored for lora" == stored.result("lora", "x").reason


MODELS, METRICS, CATEGORIES = ["base", "lora"], ["spearman", "margin"], ["values"]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ((MODELS, METRICS, CATEGORIES), []),
        ((["base"], METRICS, CATEGORIES), ["model lora is stored, but gone now"]),
        (([*MODELS, "big"], METRICS, CATEGORIES), ["model big is new, nothing is stored for it"]),
        (
            (MODELS, ["spearman"], CATEGORIES),
            [f"{model} metric margin is stored, but gone now" for model in MODELS],
        ),
        (
            (MODELS, [*METRICS, "best_f1"], CATEGORIES),
            [f"{model} metric best_f1 is new, nothing is stored for it" for model in MODELS],
        ),
        ((MODELS, METRICS, []), [f"{model} category values is stored, but gone now" for model in MODELS]),
        (
            (MODELS, METRICS, ["pets", "values"]),
            [f"{model} category pets is new, nothing is stored for it" for model in MODELS],
        ),
    ],
    ids=["same", "model-gone", "model-new", "metric-gone", "metric-new", "category-gone", "category-new"],
)
def test_what_vanished_or_is_new_is_named(make_baseline: Make, now: tuple[Any, ...], said: list[str]) -> None:
    baseline = make_baseline()
    assert tuple(said) == comparable(baseline, baseline.origin).differences(*now)


def test_a_metric_that_a_category_lacks_is_named(make_baseline: Make) -> None:
    baseline = make_baseline()
    del baseline.models["lora"].categories["values"][CATEGORY_METRICS[0]]
    assert (f"lora values metric {CATEGORY_METRICS[0]} is new, nothing is stored for it",) == comparable(
        baseline, baseline.origin
    ).differences(MODELS, METRICS, CATEGORIES)


def test_two_runs_are_compared_by_the_same_answer_in_their_own_words(make_baseline: Make) -> None:
    was = make_baseline().origin
    [problem] = origin_problems(was, was.model_copy(update=OTHER_BASE), names=("A", "B"))
    assert "the base is another: A MiniLM with digest bbbbbbbbbbbb, B mpnet with cccccccccccc" == problem


@pytest.mark.parametrize(
    ("metric", "stored", "counts"),
    [("margin", 0.804, True), ("margin", 0.806, False), ("false_positives", 1.8, True), ("false_positives", 2, False)],
)
def test_a_change_counts_only_where_the_stored_scores_give_the_stored_value(
    metric: str, stored: float, counts: bool
) -> None:
    change = Change(now=0.5, stored=0.8, change=-0.3, low=-0.4, high=-0.2, p_value=0.01, reason="")
    value = StoredValue(value=stored, tolerance=0.02, direction="higher", seeds={})
    assert (change if counts else None) == trusted(change, value, metric)
    assert trusted(None, value, metric) is None
