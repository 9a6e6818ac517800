"""A value is held against the stored one, and what cannot be compared fails in its own words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import gates
from harness.baselines import Baseline, Origin, StoredModel, StoredValue
from harness.gates import UPDATE, Verdict
from harness.metrics import METRICS, MetricResult

if TYPE_CHECKING:
    from collections.abc import Callable

NAN = math.nan
ORIGIN = Origin(eval_sha256="e" * 64, eval_pairs=295, base_name="MiniLM", base_digest="b" * 64)
OTHER_DATA = ORIGIN.model_copy(update={"eval_sha256": "f" * 64, "eval_pairs": 300})
OTHER_BASE = ORIGIN.model_copy(update={"base_digest": "c" * 64, "base_name": "mpnet"})
UNDEFINED = MetricResult(NAN, "only one label")


def stored(metric: str, value: float, tolerance: float) -> StoredValue:
    return StoredValue(value=value, tolerance=tolerance, direction=METRICS[metric].direction, seeds={})


def baseline(**values: tuple[float, float]) -> Baseline:
    metrics = {name: stored(name, *pair) for name, pair in (values or {"spearman": (0.821, 0.02)}).items()}
    model = StoredModel(metrics=metrics, categories={"values": metrics}, settings={"length": 48}, provenance={})
    return Baseline(version=1, origin=ORIGIN, models=dict.fromkeys(("base", "lora"), model), scores=[])


def against_stored(
    observed: float | MetricResult,
    metric: str = "spearman",
    value: float = 0.821,
    tolerance: float = 0.02,
    model: str = "lora",
) -> Verdict:
    result = observed if isinstance(observed, MetricResult) else MetricResult(observed)
    return gates.no_worse_than_stored(model, metric, result, baseline(**{metric: (value, tolerance)}), ORIGIN)


SAID = {
    "stored-worse": (
        against_stored(0.612),
        "fail",
        "lora spearman 0.612, stored 0.821, tolerance 0.020: worse by 0.209",
    ),
    "stored-same": (against_stored(0.821), "pass", "lora spearman 0.821, stored 0.821, tolerance 0.020: no worse"),
    "stored-within": (against_stored(0.805), "pass", "lora spearman 0.805, stored 0.821, tolerance 0.020: no worse"),
    "stored-better": (
        against_stored(0.9),
        "pass",
        "lora spearman 0.900, stored 0.821, tolerance 0.020: better by 0.079; the baseline could be raised",
    ),
    "stored-base-better": (
        against_stored(0.9, model="base"),
        "fail",
        "base spearman 0.900, stored 0.821, tolerance 0.020: better by 0.079; the untrained base cannot improve",
    ),
    "stored-base-worse": (
        against_stored(0.7, model="base"),
        "fail",
        "base spearman 0.700, stored 0.821, tolerance 0.020: worse by 0.121",
    ),
    "stored-undefined": (
        against_stored(UNDEFINED),
        "fail",
        "lora spearman NaN, stored 0.821, tolerance 0.020: undefined: only one label",
    ),
    "stored-lower-is-better-worse": (
        against_stored(21, "false_positives", 17, 2),
        "fail",
        "lora false_positives 21, stored 17, tolerance 2: worse by 4",
    ),
    "stored-lower-is-better-within": (
        against_stored(19, "false_positives", 17, 2),
        "pass",
        "lora false_positives 19, stored 17, tolerance 2: no worse",
    ),
    "stored-lower-is-better-better": (
        against_stored(3, "false_positives", 17, 2.5),
        "pass",
        "lora false_positives 3, stored 17, tolerance 2.5: better by 14; the baseline could be raised",
    ),
    "category-worse": (
        gates.no_worse_than_stored("lora", "spearman", MetricResult(0.5), baseline(), ORIGIN, category="values"),
        "fail",
        "lora values spearman 0.500, stored 0.821, tolerance 0.020: worse by 0.321",
    ),
    "no-baseline": (
        gates.no_worse_than_stored("lora", "spearman", MetricResult(0.5), None, ORIGIN),
        "fail",
        f"lora spearman 0.500: not comparable: no baseline is stored; store one with {UPDATE}",
    ),
    "model-not-stored": (
        gates.no_worse_than_stored("extra", "spearman", MetricResult(0.5), baseline(), ORIGIN),
        "fail",
        f"extra spearman 0.500: not comparable: nothing is stored for model extra; store it with {UPDATE}",
    ),
    "metric-not-stored": (
        gates.no_worse_than_stored("lora", "margin", MetricResult(0.5), baseline(), ORIGIN),
        "fail",
        f"lora margin 0.500: not comparable: no value is stored for it; store one with {UPDATE}",
    ),
    "category-not-stored": (
        gates.no_worse_than_stored("lora", "spearman", MetricResult(0.5), baseline(), ORIGIN, category="pets"),
        "fail",
        f"lora pets spearman 0.500: not comparable: no value is stored for it; store one with {UPDATE}",
    ),
    "other-data": (
        gates.no_worse_than_stored("lora", "spearman", MetricResult(0.9), baseline(), OTHER_DATA),
        "fail",
        (
            "lora spearman 0.900: not comparable: the evaluation pairs are others: stored 295 pairs with sha256 "
            "eeeeeeeeeeee, now 300 with ffffffffffff"
        ),
    ),
    "other-base": (
        gates.no_worse_than_stored("lora", "spearman", MetricResult(0.9), baseline(), OTHER_BASE),
        "fail",
        (
            "lora spearman 0.900: not comparable: the base is another: stored MiniLM with digest bbbbbbbbbbbb, now "
            "mpnet with cccccccccccc"
        ),
    ),
}


@pytest.mark.parametrize(("verdict", "outcome", "message"), SAID.values(), ids=SAID)
def test_a_verdict_says_in_words_what_came_and_what_was_expected(verdict: Verdict, outcome: str, message: str) -> None:
    assert (outcome, message) == (verdict.verdict, verdict.message)


# What is undefined, and which reason the message must give.
NOT_A_NUMBER = {
    "stored": (against_stored(UNDEFINED), "only one label"),
    "stored-base": (against_stored(UNDEFINED, model="base"), "only one label"),
    "stored-lower": (against_stored(UNDEFINED, "false_positives", 17, 2), "only one label"),
    "stored-category": (
        gates.no_worse_than_stored("lora", "spearman", UNDEFINED, baseline(), ORIGIN, category="values"),
        "only one label",
    ),
    "no-baseline": (gates.no_worse_than_stored("lora", "spearman", UNDEFINED, None, ORIGIN), "no baseline is stored"),
}


@pytest.mark.parametrize(("verdict", "reason"), NOT_A_NUMBER.values(), ids=NOT_A_NUMBER)
def test_nan_fails_with_its_reason(assert_undefined: Callable[..., None], verdict: Verdict, reason: str) -> None:
    assert_undefined(verdict, reason)


def test_a_verdict_carries_what_the_report_needs() -> None:
    verdict = against_stored(0.612)
    assert ("baseline", "lora", "spearman") == (verdict.name, verdict.model, verdict.metric)
    assert (0.612, 0.821) == (verdict.observed, verdict.reference)
    verdict = gates.no_worse_than_stored("lora", "spearman", MetricResult(0.5), baseline(), ORIGIN, category="values")
    assert ("values/spearman", 0.5, 0.821) == (verdict.metric, verdict.observed, verdict.reference)


BOTH = ("base", "lora")
# baseline, models, metrics and categories of now, and what is said
COMPARED = {
    "same": (baseline(), BOTH, ["spearman"], ["values"], []),
    "no-baseline": (None, BOTH, ["spearman"], ["values"], ["no baseline is stored"]),
    "vanished-metric": (
        baseline(spearman=(0.8, 0.1), margin=(0.5, 0.1)),
        BOTH,
        ["spearman"],
        ["values"],
        ["base metric margin is stored, but gone now", "lora metric margin is stored, but gone now"],
    ),
    "new-metric": (
        baseline(),
        BOTH,
        ["spearman", "margin"],
        ["values"],
        ["base metric margin is new, nothing is stored for it", "lora metric margin is new, nothing is stored for it"],
    ),
    "vanished-model": (baseline(), ("base",), ["spearman"], ["values"], ["model lora is stored, but gone now"]),
    "new-model": (
        baseline(),
        (*BOTH, "big"),
        ["spearman"],
        ["values"],
        ["model big is new, nothing is stored for it"],
    ),
    "vanished-category": (
        baseline(),
        BOTH,
        ["spearman"],
        [],
        ["base category values is stored, but gone now", "lora category values is stored, but gone now"],
    ),
    "new-category": (
        baseline(),
        BOTH,
        ["spearman"],
        ["values", "pets"],
        ["base category pets is new, nothing is stored", "lora category pets is new, nothing is stored"],
    ),
}


def assert_said(verdict: Verdict, problems: list[str]) -> None:
    assert ("fail" if problems else "pass", len(problems)) == (verdict.verdict, verdict.observed)
    if not problems:
        assert "comparable" == verdict.message
        return
    assert verdict.message.startswith("not comparable: ")
    assert verdict.message.endswith(f". After an intended change: {UPDATE}")
    assert [] == [problem for problem in problems if problem not in verdict.message]


@pytest.mark.parametrize(("stored", "models", "metrics", "categories", "problems"), COMPARED.values(), ids=COMPARED)
def test_what_cannot_be_compared_is_named_in_its_own_words(
    stored: Baseline | None, models: tuple[str, ...], metrics: list[str], categories: list[str], problems: list[str]
) -> None:
    assert_said(gates.comparable(ORIGIN, stored, models, metrics, categories), problems)


@pytest.mark.parametrize(
    ("origin", "problems"),
    [
        (OTHER_DATA, ["the evaluation pairs are others: stored 295 pairs"]),
        (OTHER_BASE, ["the base is another: stored MiniLM with"]),
        (
            OTHER_DATA.model_copy(update={"base_digest": "0" * 64}),
            ["the evaluation pairs are others", "the base is another"],
        ),
        (ORIGIN.model_copy(update={"base_name": "a mirror of the same files"}), []),
    ],
    ids=["data", "base", "both", "only-the-name"],
)
def test_another_origin_cannot_be_compared(origin: Origin, problems: list[str]) -> None:
    assert_said(gates.comparable(origin, baseline(), BOTH, ["spearman"], ["values"]), problems)


def without_settings() -> Baseline:
    model = baseline().models["lora"].model_copy(update={"settings": {}})
    return baseline().model_copy(update={"models": {"lora": model}})


def test_what_is_stored_is_found() -> None:
    for category in ("", "values"):
        assert stored("spearman", 0.821, 0.02) == gates.stored_value(baseline(), ORIGIN, "lora", "spearman", category)
    assert {"length": 48} == gates.stored_settings(baseline(), ORIGIN, "lora")


NOT_STORED = {
    "no-baseline": (gates.stored_settings(None, ORIGIN, "lora"), "no baseline is stored"),
    "no-model": (gates.stored_settings(baseline(), ORIGIN, "big"), "nothing is stored for model big; store it"),
    "no-settings": (
        gates.stored_settings(without_settings(), ORIGIN, "lora"),
        "no settings are stored for model lora; store them",
    ),
    "other-data": (gates.stored_settings(baseline(), OTHER_DATA, "lora"), "the evaluation pairs are others"),
    "other-base": (gates.stored_settings(baseline(), OTHER_BASE, "lora"), "the base is another"),
    "value-no-baseline": (gates.stored_value(None, ORIGIN, "lora", "spearman"), "no baseline is stored"),
    "value-no-metric": (gates.stored_value(baseline(), ORIGIN, "lora", "margin"), "no value is stored for it"),
    "value-no-category": (
        gates.stored_value(baseline(), ORIGIN, "lora", "spearman", "pets"),
        "no value is stored for it",
    ),
    "value-other-base": (gates.stored_value(baseline(), OTHER_BASE, "lora", "spearman"), "the base is another"),
}


@pytest.mark.parametrize(("found", "reason"), NOT_STORED.values(), ids=NOT_STORED)
def test_what_is_not_stored_is_answered_with_the_reason(found: object, reason: str) -> None:
    assert isinstance(found, str)
    assert found.startswith(reason)


RANK = {"fail": 0, "inconclusive": 1, "pass": 2}
# Each gate as a function of one observed value, in the direction in which a greater one is better.
GATES: dict[str, Callable[[float], Verdict]] = {
    "stored": lambda x: against_stored(x),
    "stored-lower": lambda x: against_stored(-x, "false_positives", 0.3, 0.1),
}


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
@given(first=st.floats(-1, 1), second=st.floats(-1, 1))
def test_a_better_value_never_has_a_worse_verdict(
    gate: Callable[[float], Verdict], first: float, second: float
) -> None:
    worse, better = sorted([first, second])
    assert RANK[gate(worse).verdict] <= RANK[gate(better).verdict]


@given(value=st.floats(-1, 1), tolerance=st.floats(0, 1), observed=st.floats(-1, 1))
def test_the_base_is_held_to_its_value_from_both_sides(value: float, tolerance: float, observed: float) -> None:
    rounded = 1e-6  # stored values have six decimals
    expected = "pass" if abs(value - observed) <= tolerance + rounded else "fail"
    assert expected == against_stored(observed, value=value, tolerance=tolerance, model="base").verdict
