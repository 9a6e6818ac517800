"""Gates on what a training achieved: against another model, against the base, and at another learning rate."""

import math
from collections.abc import Iterable

from harness.config import BASE
from harness.gates.types import Evidence, NotJudgedError, Subject, Verdict, outcome_of
from harness.metrics import METRICS, MetricResult
from harness.statistics import Interval
from harness.text import number, percent, scientific


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
        end = f"undefined: {_why_undefined(results) or found.reason}"
    else:
        end = f"{percent(found.ratio, 1)}{interval_words(found.interval)}, {bound_words(passed, 'at least', least)}"
        if not math.isnan(found.gap_recovered):
            end += f"; gap recovered {percent(found.gap_recovered)}{interval_words(found.gap_interval)}"
    unit = METRICS[metric].unit
    message = (
        f"{model} {metric} {number(found.model, unit)}, {'' if measured else 'stored '}{reference} "
        f"{number(found.reference, unit)}: relative performance {end}"
    )
    return Verdict(outcome=outcome_of(passed), observed=found.ratio, reference=least, message=message)


def quality_is_kept(run: Evidence, subject: Subject) -> Verdict:
    """Judge that a model keeps the case's part of a metric where its embeddings are cut to a width."""
    model, metric, width, gate = subject.model, subject.metric, int(subject.width), run.inputs.case.gates.truncation
    if gate is None:
        raise ValueError("the case cuts no embeddings")
    full = run.embeddings(model)["eval"].shape[1]
    cut = f"{model} {metric} at {width} of {full} dimensions"
    if width >= full:
        message = f"{cut}: expected fewer than the model has: correct gates.truncation.widths"
        return Verdict(outcome="fail", observed=math.nan, reference=gate.at_least, message=message)
    found = run.truncated(model, width, metric)
    passed = found.ratio >= gate.at_least
    unit, bound = METRICS[metric].unit, bound_words(passed, "at least", gate.at_least)
    if math.isnan(found.ratio):
        end = f"undefined: {found.reason}"
    else:
        end = f"{percent(found.ratio, 1)} of full width{interval_words(found.interval)}, {bound}"
    message = f"{cut} {number(found.model, unit)}, at full width {number(found.reference, unit)}: {end}"
    return Verdict(outcome=outcome_of(passed), observed=found.ratio, reference=gate.at_least, message=message)


def beats_plain(run: Evidence, subject: Subject) -> Verdict:
    """Judge that a model is better than another one where the embeddings of both are cut to a width."""
    metric, width = subject.metric, int(subject.width)
    found, plain = (run.evaluation(name, width=width).metrics[metric] for name in (subject.model, subject.reference))
    passed = found.value > plain.value
    undefined = _why_undefined((found, plain))
    end = f"undefined: {undefined}" if undefined else "better" if passed else "not better"
    own, other = (number(value, METRICS[metric].unit) for value in (found.value, plain.value))
    message = f"{subject.model} {metric} at {width} dimensions {own}, {subject.reference} {other}: {end}"
    return Verdict(outcome=outcome_of(passed), observed=found.value, reference=plain.value, message=message)


def beats_base(run: Evidence, subject: Subject) -> Verdict:
    """Judge that training made a model better than the base in a metric."""
    metric = METRICS[subject.metric]
    observed, base = (run.evaluation(name).metrics[subject.metric] for name in (subject.model, BASE))
    passed = observed.value > base.value if metric.direction == "higher" else observed.value < base.value
    undefined = _why_undefined((observed, base))
    reason = f"undefined: {undefined}" if undefined else "not better than the base"
    message = (
        f"{subject.model} {subject.metric} {number(observed.value, metric.unit)}, "
        f"base {number(base.value, metric.unit)}: {'better' if passed else reason}"
    )
    return Verdict(outcome=outcome_of(passed), observed=observed.value, reference=base.value, message=message)


def gap_at_rate(run: Evidence, subject: Subject, *, ten_times: bool) -> Verdict:
    """Judge that an adapter recovers hardly any of the gap at the rate of full fine-tuning, much at ten times it."""
    case, model, reference, metric = run.inputs.case, subject.model, subject.reference, subject.metric
    if case.learning_rate is None:
        raise ValueError("the case checks no learning rate")
    rate = case.checked_rates[ten_times]
    found = run.relative_performance(model, reference, metric, learning_rate=rate)
    gap = found.gap_recovered
    if ten_times:
        limit, bound = case.learning_rate.learns_at_least, "at least"
        passed = gap >= limit
        meaning = "it learns" if passed else "it stalls where it should learn"
    else:
        limit, bound = case.learning_rate.stalls_at_most, "at most"
        passed = gap <= limit
        meaning = "it stalls, as an adapter does there" if passed else "it learns where it should stall"
    if math.isnan(gap):
        evaluations = (run.evaluation(model, learning_rate=rate), run.evaluation(reference), run.evaluation(BASE))
        reason = _why_undefined(evaluation.metrics[metric] for evaluation in evaluations) or found.gap_reason
        end = f"undefined: {reason}"
    else:
        end = f"{percent(gap, 1)}{interval_words(found.gap_interval)}, {bound_words(passed, bound, limit)}: {meaning}"
    values = ", ".join(
        f"{name} {number(value, METRICS[metric].unit)}"
        for name, value in ((metric, found.model), (BASE, found.base), (reference, found.reference))
    )
    at = f"{scientific(rate)}, {'ten times ' if ten_times else ''}the learning rate of {reference}"
    message = f"{model} at {at}: {values}: gap recovered {end}"
    return Verdict(outcome=outcome_of(passed), observed=gap, reference=limit, message=message)


def _why_undefined(results: Iterable[MetricResult]) -> str:
    """Return why the first undefined value is undefined; empty where each is a number."""
    return next((result.reason for result in results if math.isnan(result.value)), "")


def bound_words(passed: bool, words: str, limit: float) -> str:
    """Word a limit: as one that was expected, where it was not kept."""
    return f"{'' if passed else 'expected '}{words} {percent(limit)}"


def interval_words(interval: Interval) -> str:
    """Return the interval of a ratio in brackets; nothing where there is none."""
    if math.isnan(interval.low):
        return ""
    return f" (95 % interval {percent(interval.low)} to {percent(interval.high)})"
