"""What an adapter learns at the learning rate of full fine-tuning, and at ten times it, against the case's limits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.gates.verdict import Verdict, number, outcome_of, scientific
from harness.metrics import METRICS

if TYPE_CHECKING:
    from harness.case import LearningRateCheck
    from harness.metrics import MetricResult
    from harness.statistics import Share


def stalls(
    check: LearningRateCheck,
    rate: float,
    observed: MetricResult,
    of: MetricResult,
    base: MetricResult,
    *,
    sure: Share | None = None,
) -> Verdict:
    """At the learning rate of full fine-tuning, an adapter recovers hardly any of its gain over the base.

    Args:
        check: The two models, the metric and the limits.
        rate: The learning rate.
        observed: The adapter's value, trained at this rate.
        of: The fully trained model's.
        base: The untrained one's.
        sure: The gain recovered with its interval; shown, not judged by.
    """
    gain, words = _recovered(check, observed, of, base, sure)
    passed = gain <= check.stalls_at_most
    end = "it stalls, as an adapter does there" if passed else "it learns where it should stall"
    return Verdict(
        "stalls", check.model, check.metric, outcome_of(passed), gain, check.stalls_at_most,
        f"{check.model} at {scientific(rate)}, the rate of {check.of}: {words}"
        + ("" if math.isnan(gain) else f", {'' if passed else 'expected '}at most {check.stalls_at_most:.0%}: {end}"),
    )  # fmt: skip


def learns(
    check: LearningRateCheck,
    rate: float,
    observed: MetricResult,
    of: MetricResult,
    base: MetricResult,
    *,
    sure: Share | None = None,
) -> Verdict:
    """At ten times that rate, an adapter recovers much of the gain. The arguments are those of `stalls`."""
    gain, words = _recovered(check, observed, of, base, sure)
    passed = gain >= check.learns_at_least
    end = "it learns" if passed else "it stalls where it should learn"
    return Verdict(
        "learns", check.model, check.metric, outcome_of(passed), gain, check.learns_at_least,
        f"{check.model} at {scientific(rate)}, ten times the rate of {check.of}: {words}"
        + ("" if math.isnan(gain) else f", {'' if passed else 'expected '}at least {check.learns_at_least:.0%}: {end}"),
    )  # fmt: skip


def _recovered(
    check: LearningRateCheck, observed: MetricResult, of: MetricResult, base: MetricResult, sure: Share | None
) -> tuple[float, str]:
    """The share of full fine-tuning's gain that is recovered, NaN where it is undefined, and the same in words."""
    unit = METRICS[check.metric].unit
    values = ", ".join(
        f"{name} {number(result.value, unit)}"
        for name, result in ((check.metric, observed), ("base", base), (check.of, of))
    )
    undefined = [result for result in (observed, of, base) if math.isnan(result.value)]
    if undefined:
        return math.nan, f"{values}: undefined: {undefined[0].reason}"
    if of.value <= base.value:
        return math.nan, f"{values}: {check.of} gained nothing over the base, so no share of its gain can be judged"
    gain = (observed.value - base.value) / (of.value - base.value)
    low, high = sure.recovered_interval[:2] if sure else (math.nan, math.nan)
    interval = "" if math.isnan(low) else f" (95 % interval {low:z.0%} to {high:z.0%})"
    return gain, f"{values}: {gain:z.1%} of {check.of}'s gain over the base{interval}"
