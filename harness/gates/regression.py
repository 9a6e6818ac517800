"""Gates against the stored baseline."""

import math
from collections.abc import Sequence

from harness.baselines import UPDATE, StoredValue, ToleranceSource
from harness.config import BASE
from harness.data import Pair
from harness.gates.types import Evidence, NotJudgedError, Subject, Verdict, outcome_of
from harness.metrics import METRICS, MetricResult
from harness.statistics import Change, RegressedPair, regression
from harness.text import number, quoted, signed

_EXAMPLES = 3
_LEAST_P = 0.001  # a smaller p-value would be shown as 0


def baseline_is_comparable(run: Evidence, _: Subject) -> Verdict:
    """Judge that the baseline was made from this data and base, and holds neither more nor fewer things to compare."""
    names, categories = run.inputs.case.model_names, run.inputs.compared_categories
    problems = run.stored.problems or run.stored.differences(names, METRICS, categories)
    message = "; ".join(problems) or "comparable"
    if problems and not run.stored.missing:
        message = f"not comparable: {message}. After an intended change: {UPDATE}"
    return Verdict(outcome=outcome_of(not problems), observed=len(problems), reference=0, message=message)


def metric_holds(run: Evidence, subject: Subject) -> Verdict:
    """Judge that a metric is not worse than stored by more than its tolerance; the base's neither worse nor better.

    It fails where it is worse by more than the tolerance and the interval of the change excludes no change; where the
    interval leaves that open, the verdict is inconclusive. Without an interval the tolerance decides alone. The base is
    not trained: whichever way it moves, something else was changed.
    """
    model, metric, category = subject.model, subject.metric, subject.category
    observed = run.evaluation(model).result(metric, category)
    stored = run.stored.value(model, metric, category)
    if stored is None and not category and metric in run.stored.undefined:
        return _not_compared(subject, observed, run.stored.undefined[metric])
    if stored is None:
        raise NotJudgedError("baseline", f"no value is stored for {subject} that can be compared")
    known = run.stored.model(model)
    return change_verdict(
        subject,
        observed,
        stored,
        run.change(model, metric, category),
        run.regressed(model, category),
        run.inputs.eval.pairs,
        "seeds" if known is None else known.tolerance_from,
    )


def _not_compared(subject: Subject, observed: MetricResult, reason: str) -> Verdict:
    """Pass a value that not every good model has on these pairs: that it has none says nothing against a model."""
    now = number(observed.value, METRICS[subject.metric].unit)
    message = f"{subject.model} {subject.metric} {now}: not compared, none is stored: {reason}"
    return Verdict(outcome="pass", observed=observed.value, reference=math.nan, message=message)


def change_verdict(
    subject: Subject,
    observed: MetricResult,
    stored: StoredValue,
    change: Change | None,
    regressed: Sequence[RegressedPair],
    pairs: Sequence[Pair],
    tolerance_from: ToleranceSource = "seeds",
) -> Verdict:
    """Judge one value against the stored one, by its tolerance and the interval of the change (see `metric_holds`).

    Args:
        subject: The model, metric and category of the value.
        observed: The value.
        stored: What it is held against.
        change: Since the stored scores; None where they cannot be compared.
        regressed: The pairs that are wrong now, worst first.
        pairs: All pairs.
        tolerance_from: Source of the tolerance; said where it is the bootstrap.
    """
    model, metric, category = subject.model, subject.metric, subject.category
    unit = METRICS[metric].unit
    low, high = (change.low, change.high) if change else (math.nan, math.nan)
    deterioration = stored.deterioration(observed.value)
    found = regression(deterioration, stored.limit, low, high)
    improved = deterioration < -stored.limit
    if math.isnan(observed.value):
        end = f"undefined: {observed.reason}"
    elif found.worse:
        end = f"worse by {number(deterioration, unit)}{_interval_words(change, unit)}"
    elif improved:
        hint = "the untrained base cannot improve" if model == BASE else "the baseline could be raised"
        end = f"better by {number(-deterioration, unit)}; {hint}"
    else:
        end = "no worse"
    passed = abs(deterioration) <= stored.limit if model == BASE else deterioration <= stored.limit
    source = " (bootstrap)" if tolerance_from == "bootstrap" else ""
    unproven = model != BASE and bool(found.worse) and not found.proven
    shown = regressed if found.worse else ()
    return Verdict(
        outcome="inconclusive" if unproven else outcome_of(passed),
        observed=observed.value,
        reference=stored.value,
        message=f"{' '.join(filter(None, (model, category, metric)))} {number(observed.value, unit)}, "
        f"stored {number(stored.value, unit)}, tolerance {number(stored.tolerance, unit)}{source}: {end}",
        examples=tuple(_pair_words(pairs[pair.row], pair) for pair in shown[:_EXAMPLES]),
        more=len(shown[_EXAMPLES:]),
        improved=improved and passed,
    )


def _interval_words(change: Change | None, unit: str) -> str:
    """Return the interval of a change in words; nothing where there is none."""
    if change is None or math.isnan(change.low):
        return ""
    p = change.p_value
    chance = "" if math.isnan(p) else f", p < {_LEAST_P}" if p < _LEAST_P else f", p {p:.3f}"
    end = ": inconclusive on these pairs" if change.low <= 0 <= change.high else ""
    return f" (95 % interval of the change {_end(change.low, unit)} to {_end(change.high, unit)}{chance}){end}"


def _end(value: float, unit: str) -> str:
    """Return an end of an interval with its sign: on which side of 0 it is decides, and is never rounded away."""
    if value and not float(number(value, unit)):
        return "just above 0" if value > 0 else "just below 0"
    return signed(value, unit)


def _pair_words(pair: Pair, found: RegressedPair) -> str:
    about = (found.pair_type, f"label {found.label}", f"score {found.stored:.2f} -> {found.now:.2f}")
    return f"{quoted(pair.text_1)} and {quoted(pair.text_2)} ({', '.join(filter(None, about))})"
