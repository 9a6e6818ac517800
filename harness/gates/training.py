"""Gates on what training achieved: against the base, and against another model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.config import BASE
from harness.gates.verdict import NotJudgedError, Verdict, outcome_of
from harness.metrics import METRICS
from harness.text import number, percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.gates.evidence import Evidence
    from harness.gates.verdict import Subject
    from harness.metrics import MetricResult
    from harness.statistics import Interval


def performance_is_reached(run: Evidence, subject: Subject) -> Verdict:
    """Judge that a model reaches the case's part of another one's metric, such as LoRA 90 % of full fine-tuning.

    Where this run does not measure the reference, its stored value takes its place.
    """
    model, reference, metric = subject.model, subject.reference, subject.metric
    measured = reference in run.inputs.models
    if not measured and run.stored.value(reference, metric) is None:
        raise NotJudgedError("baseline", f"no {metric} of {reference} is stored that can be compared")
    least = next(
        gate.at_least
        for gate in run.inputs.case.gates.relative_performance
        if (gate.model, gate.reference, gate.metric) == (model, reference, metric)
    )
    found = run.relative_performance(model, reference, metric)
    passed = found.ratio >= least
    if math.isnan(found.ratio):
        results = [run.evaluation(name).metrics[metric] for name in (model, reference) if name in run.inputs.models]
        end = f"undefined: {why_undefined(results) or found.reason}"
    else:
        end = (
            f"{percent(found.ratio, 1)}{interval_words(found.interval)}, "
            f"{'at least' if passed else 'expected at least'} {percent(least)}"
        )
        if not math.isnan(found.gap_recovered):
            end += f"; gap recovered {percent(found.gap_recovered)}{interval_words(found.gap_interval)}"
    unit = METRICS[metric].unit
    return Verdict(
        outcome=outcome_of(passed),
        observed=found.ratio,
        reference=least,
        message=f"{model} {metric} {number(found.model, unit)}, {'' if measured else 'stored '}{reference} "
        f"{number(found.reference, unit)}: relative performance {end}",
    )


def beats_base(run: Evidence, subject: Subject) -> Verdict:
    """Judge that training made a model better than the base in a metric."""
    metric = METRICS[subject.metric]
    observed, base = (run.evaluation(name).metrics[subject.metric] for name in (subject.model, BASE))
    passed = observed.value > base.value if metric.direction == "higher" else observed.value < base.value
    undefined = why_undefined((observed, base))
    reason = f"undefined: {undefined}" if undefined else "not better than the base"
    return Verdict(
        outcome=outcome_of(passed),
        observed=observed.value,
        reference=base.value,
        message=f"{subject.model} {subject.metric} {number(observed.value, metric.unit)}, "
        f"base {number(base.value, metric.unit)}: {'better' if passed else reason}",
    )


def why_undefined(results: Iterable[MetricResult]) -> str:
    """Return why the first undefined value is undefined; empty where each is a number."""
    return next((result.reason for result in results if math.isnan(result.value)), "")


def interval_words(interval: Interval) -> str:
    """Return the interval of a ratio in brackets; nothing where there is none."""
    if math.isnan(interval.low):
        return ""
    return f" (95 % interval {percent(interval.low)} to {percent(interval.high)})"
