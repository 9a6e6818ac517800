"""Gates on what an adapter learns at the learning rate of full fine-tuning, and at ten times it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.config import BASE
from harness.gates.training import interval_words, why_undefined
from harness.gates.verdict import Verdict, outcome_of
from harness.metrics import METRICS
from harness.text import number, percent, scientific

if TYPE_CHECKING:
    from harness.config import LearningRateCheck
    from harness.gates.evidence import Evidence
    from harness.gates.verdict import Subject


def stalls(run: Evidence, subject: Subject) -> Verdict:
    """Judge that an adapter recovers hardly any of the gap at the learning rate of full fine-tuning."""
    most, rate = _check(run).stalls_at_most, run.inputs.case.checked_rates[0]
    gap, words = _gap_recovered(run, subject, rate)
    passed = gap <= most
    end = "it stalls, as an adapter does there" if passed else "it learns where it should stall"
    limit = "" if math.isnan(gap) else f", {'' if passed else 'expected '}at most {percent(most)}: {end}"
    return Verdict(
        outcome=outcome_of(passed),
        observed=gap,
        reference=most,
        message=f"{subject.model} at {scientific(rate)}, the learning rate of {subject.reference}: {words}{limit}",
    )


def learns(run: Evidence, subject: Subject) -> Verdict:
    """Judge that an adapter recovers much of the gap at ten times that rate."""
    least, rate = _check(run).learns_at_least, run.inputs.case.checked_rates[1]
    gap, words = _gap_recovered(run, subject, rate)
    passed = gap >= least
    end = "it learns" if passed else "it stalls where it should learn"
    limit = "" if math.isnan(gap) else f", {'' if passed else 'expected '}at least {percent(least)}: {end}"
    return Verdict(
        outcome=outcome_of(passed),
        observed=gap,
        reference=least,
        message=f"{subject.model} at {scientific(rate)}, ten times the learning rate of {subject.reference}: "
        f"{words}{limit}",
    )


def _check(run: Evidence) -> LearningRateCheck:
    check = run.inputs.case.learning_rate
    if check is None:
        raise ValueError("the case checks no learning rate")
    return check


def _gap_recovered(run: Evidence, subject: Subject, rate: float) -> tuple[float, str]:
    """Return the gap recovered at a learning rate, NaN where undefined, and the same in words."""
    model, reference, metric = subject.model, subject.reference, subject.metric
    found = run.relative_performance(model, reference, metric, learning_rate=rate)
    values = ", ".join(
        f"{name} {number(value, METRICS[metric].unit)}"
        for name, value in ((metric, found.model), (BASE, found.base), (reference, found.reference))
    )
    if math.isnan(found.gap_recovered):
        evaluations = (run.evaluation(model, learning_rate=rate), run.evaluation(reference), run.evaluation(BASE))
        reason = why_undefined(evaluation.metrics[metric] for evaluation in evaluations) or found.gap_reason
        return math.nan, f"{values}: gap recovered undefined: {reason}"
    words = f"gap recovered {percent(found.gap_recovered, 1)}{interval_words(found.gap_interval)}"
    return found.gap_recovered, f"{values}: {words}"
