"""An adapter stalls where it should and learns where it should; what cannot be judged fails, and says why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import gates
from harness.case import LearningRateCheck
from harness.metrics import MetricResult
from harness.statistics import Interval, Share

if TYPE_CHECKING:
    from harness.gates import Verdict

CHECK = LearningRateCheck(model="lora", of="standard", metric="spearman", stalls_at_most=0.1, learns_at_least=0.5)
UNDEFINED = MetricResult(math.nan, "only one label")
NO_INTERVAL = Interval(math.nan, math.nan, "")


def results(values: tuple[float | MetricResult, ...]) -> tuple[MetricResult, ...]:
    return tuple(value if isinstance(value, MetricResult) else MetricResult(value) for value in values)


def stalls(*values: float | MetricResult, sure: Share | None = None) -> Verdict:
    return gates.stalls(CHECK, 2e-5, *results(values), sure=sure)


def learns(*values: float | MetricResult, sure: Share | None = None) -> Verdict:
    return gates.learns(CHECK, 2e-4, *results(values), sure=sure)


def recovered(low: float, high: float) -> Share:
    return Share(math.nan, NO_INTERVAL, 0.0, Interval(low, high, ""))


# The values of the adapter, of full fine-tuning and of the base; the outcome; the message.
SAID = {
    "stalls": (
        stalls(-0.45, 0.7, -0.5),
        "pass",
        (
            "lora at 2e-5, the rate of standard: spearman -0.450, base -0.500, standard 0.700: 4.2% of standard's gain "
            "over the base, at most 10%: it stalls, as an adapter does there"
        ),
    ),
    "falls-below-the-base": (
        stalls(-0.62, 0.7, -0.5),
        "pass",
        (
            "lora at 2e-5, the rate of standard: spearman -0.620, base -0.500, standard 0.700: -10.0% of standard's "
            "gain over the base, at most 10%: it stalls, as an adapter does there"
        ),
    ),
    "learns-at-the-small-rate": (
        stalls(-0.1, 0.7, -0.5),
        "fail",
        (
            "lora at 2e-5, the rate of standard: spearman -0.100, base -0.500, standard 0.700: 33.3% of standard's "
            "gain over the base, expected at most 10%: it learns where it should stall"
        ),
    ),
    "learns": (
        learns(0.2, 0.7, -0.5, sure=recovered(0.513, 0.655)),
        "pass",
        (
            "lora at 2e-4, ten times the rate of standard: spearman 0.200, base -0.500, standard 0.700: 58.3% of "
            "standard's gain over the base (95 % interval 51% to 66%), at least 50%: it learns"
        ),
    ),
    "does-not-learn": (
        learns(0.0, 0.7, -0.5, sure=recovered(math.nan, math.nan)),
        "fail",
        (
            "lora at 2e-4, ten times the rate of standard: spearman 0.000, base -0.500, standard 0.700: 41.7% of "
            "standard's gain over the base, expected at least 50%: it stalls where it should learn"
        ),
    ),
    "nothing-to-recover": (
        stalls(-0.5, -0.5, -0.5),
        "fail",
        (
            "lora at 2e-5, the rate of standard: spearman -0.500, base -0.500, standard -0.500: standard gained "
            "nothing over the base, so no share of its gain can be judged"
        ),
    ),
    "less-than-nothing-to-recover": (
        learns(0.9, 0.1, 0.3),
        "fail",
        (
            "lora at 2e-4, ten times the rate of standard: spearman 0.900, base 0.300, standard 0.100: standard gained "
            "nothing over the base, so no share of its gain can be judged"
        ),
    ),
    "undefined": (
        stalls(UNDEFINED, 0.7, -0.5),
        "fail",
        "lora at 2e-5, the rate of standard: spearman NaN, base -0.500, standard 0.700: undefined: only one label",
    ),
}


@pytest.mark.parametrize(("verdict", "outcome", "message"), SAID.values(), ids=SAID)
def test_a_verdict_says_in_words_what_came_and_what_was_expected(verdict: Verdict, outcome: str, message: str) -> None:
    assert (outcome, message) == (verdict.verdict, verdict.message)


@pytest.mark.parametrize("gate", [stalls, learns])
@pytest.mark.parametrize("which", [0, 1, 2], ids=["observed", "of", "base"])
def test_nan_never_passes_and_is_told_with_its_reason(gate, which) -> None:
    values: list[float | MetricResult] = [0.1, 0.7, -0.5]
    values[which] = UNDEFINED
    verdict = gate(*values)
    assert "fail" == verdict.verdict
    assert verdict.message.endswith(": undefined: only one label")
    assert math.isnan(verdict.observed)


def test_a_verdict_carries_what_the_report_needs() -> None:
    first, second = stalls(0.1, 0.7, -0.5), learns(0.1, 0.7, -0.5)
    assert ("stalls", "lora", "spearman", 0.1) == (first.name, first.model, first.metric, first.reference)
    assert ("learns", "lora", "spearman", 0.5) == (second.name, second.model, second.metric, second.reference)
    assert first.observed == second.observed == pytest.approx(0.5)


@given(low=st.floats(-1, 1), high=st.floats(-1, 1))
def test_learning_more_never_helps_to_stall_and_never_hurts_to_learn(low: float, high: float) -> None:
    worse, better = sorted([low, high])
    assert not (stalls(better, 0.7, -0.5).verdict == "pass" and stalls(worse, 0.7, -0.5).verdict == "fail")
    assert not (learns(worse, 0.7, -0.5).verdict == "pass" and learns(better, 0.7, -0.5).verdict == "fail")


@given(value=st.floats(-1, 1))
def test_no_value_both_stalls_and_learns(value: float) -> None:
    assert {"pass"} != {gate(value, 0.7, -0.5).verdict for gate in (stalls, learns)}


@pytest.mark.parametrize(
    ("value", "words"), [(2e-5, "2e-5"), (1e-3, "1e-3"), (3.5e-4, "3.5e-4"), (0.03, "3e-2"), (1.0, "1e0")]
)
def test_a_rate_is_shown_as_recipes_write_it(value: float, words: str) -> None:
    assert words == gates.scientific(value)
