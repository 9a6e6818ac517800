"""Values against the stored baseline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.case import BASE
from harness.gates.verdict import Verdict, number, outcome_of
from harness.metrics import METRICS
from harness.statistics import regression

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from harness.baselines import Baseline, Origin, StoredModel, StoredValue
    from harness.metrics import MetricResult
    from harness.statistics import Change

NOW_WRONG = "; now wrong: "
"""In a message, what follows it are pairs, not the answer."""

RAISE = "the baseline could be raised"
"""The end of a message about a value that is better than stored by more than its tolerance."""

_LEAST_P = 0.001  # a smaller p-value would be shown as 0
_ROUNDED = 0.005  # what a metric may move when the scores are rounded to `DECIMALS`

UPDATE = "pytest evals/ -m full --update-baselines"


def no_worse_than_stored(
    model: str,
    metric: str,
    observed: MetricResult,
    baseline: Baseline | None,
    origin: Origin,
    *,
    category: str = "",
    change: Change | None = None,
    flipped: Sequence[str] = (),
    more: int = 0,
) -> Verdict:
    """A value is not worse than its baseline by more than the tolerance; the base's is neither worse nor better.

    It fails where it is worse by more than the tolerance and the interval of the change says that it is no accident of
    these pairs; where the interval leaves that open, the verdict is inconclusive. Without an interval the tolerance
    decides alone.

    Args:
        model: The model. The base is not trained: whichever way it moves, something else was changed.
        metric: A key of `METRICS`.
        observed: What was measured now; NaN fails with its reason.
        baseline: What is stored; fails where there is none, or none that can be compared with.
        origin: What this run is made from.
        category: The category whose pairs were measured; all pairs without it.
        change: The change since the stored scores, pair by pair. It does not count where those scores do not give the
            stored value: someone edited the one or the other.
        flipped: The worst pairs that were right and are wrong now, in words.
        more: How many others there are.
    """
    subject = f"{model} {category} {metric}" if category else f"{model} {metric}"
    name = f"{category}/{metric}" if category else metric
    unit = METRICS[metric].unit
    stored = stored_value(baseline, origin, model, metric, category)
    if isinstance(stored, str):
        message = f"{subject} {number(observed.value, unit)}: not comparable: {stored}"
        return Verdict("baseline", model, name, "fail", observed.value, math.nan, message)
    change = trusted(change, stored, unit)
    low, high = (change.low, change.high) if change else (math.nan, math.nan)
    lost, allowed = stored.lost(observed.value), stored.allowed
    found = regression(lost, allowed, low, high)
    if math.isnan(observed.value):
        end = f"undefined: {observed.reason}"
    elif found.worse:
        end = f"worse by {number(lost, unit)}{_how_sure(change, unit)}{_in_words(flipped, more)}"
    elif lost < -allowed:
        hint = "the untrained base cannot improve" if model == BASE else RAISE
        end = f"better by {number(-lost, unit)}; {hint}"
    else:
        end = "no worse"
    passed = abs(lost) <= allowed if model == BASE else lost <= allowed
    unproven = model != BASE and bool(found.worse) and not found.proven
    return Verdict(
        "baseline", model, name, "inconclusive" if unproven else outcome_of(passed), observed.value, stored.value,
        f"{subject} {number(observed.value, unit)}, stored {number(stored.value, unit)}, "
        f"tolerance {number(stored.tolerance, unit)}: {end}",
    )  # fmt: skip


def trusted(change: Change | None, stored: StoredValue, unit: str) -> Change | None:
    """A change since the stored scores; None where those do not give the stored value.

    Rounded they do, nearly: a rounded score may move one pair over a threshold.
    """
    if change is None:
        return None
    return change if abs(change.stored - stored.value) <= (1 if unit == "pairs" else _ROUNDED) else None


def _how_sure(change: Change | None, unit: str) -> str:
    """The interval of a change in words; nothing where there is none."""
    if change is None or math.isnan(change.low):
        return ""
    low, high = _end(change.low, unit), _end(change.high, unit)
    p = change.p_value
    chance = "" if math.isnan(p) else f", p < {_LEAST_P}" if p < _LEAST_P else f", p {p:.3f}"
    verdict = ": not sure on these pairs" if change.low <= 0 <= change.high else ""
    return f" (95 % interval of the change {low} to {high}{chance}){verdict}"


def _end(value: float, unit: str) -> str:
    """An end of an interval with its sign: on which side of 0 it is decides the verdict, and is never rounded away."""
    shown = number(abs(value), unit)
    if value and not float(shown):
        return "just above 0" if value > 0 else "just below 0"
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{shown}"


def _in_words(flipped: Sequence[str], more: int) -> str:
    if not flipped:
        return ""
    return f"{NOW_WRONG}{'; '.join(flipped)}" + (f" and {more} more" if more else "")


def comparable(
    origin: Origin,
    baseline: Baseline | None,
    models: Collection[str],
    metrics: Collection[str],
    categories: Collection[str],
) -> Verdict:
    """The stored baseline was made from this data and this base, and holds neither more nor fewer things to compare.

    Args:
        origin: What this run is made from.
        baseline: What is stored.
        models: The case's models.
        metrics: The names of the metrics measured now.
        categories: The categories with enough pairs to be compared.
    """
    problems = _origin_problems(baseline, origin)
    if baseline is not None:
        problems += _differences("model", set(baseline.models), set(models))
        for model, stored in sorted(baseline.models.items()):
            problems += _differences(f"{model} metric", set(stored.metrics), set(metrics))
            problems += _differences(f"{model} category", set(stored.categories), set(categories))
    message = f"not comparable: {'; '.join(problems)}. After an intended change: {UPDATE}"
    return Verdict(
        "comparable", "", "", outcome_of(not problems), len(problems), 0, message if problems else "comparable"
    )


def stored_value(
    baseline: Baseline | None, origin: Origin, model: str, metric: str, category: str = ""
) -> StoredValue | str:
    """A stored value, or why there is none to compare with."""
    stored = stored_model(baseline, origin, model)
    if isinstance(stored, str):
        return stored
    values = stored.categories.get(category, {}) if category else stored.metrics
    return values.get(metric) or f"no value is stored for it; store one with {UPDATE}"


def stored_settings(baseline: Baseline | None, origin: Origin, model: str) -> Mapping[str, Any] | str:
    """The settings of a stored model, or why there are none to compare with."""
    stored = stored_model(baseline, origin, model)
    if isinstance(stored, str):
        return stored
    return stored.settings or f"no settings are stored for model {model}; store them with {UPDATE}"


def stored_model(baseline: Baseline | None, origin: Origin, model: str) -> StoredModel | str:
    """A stored model, or why there is none to compare with."""
    problems = _origin_problems(baseline, origin)
    if problems or baseline is None:
        return "; ".join(problems)
    return baseline.models.get(model) or f"nothing is stored for model {model}; store it with {UPDATE}"


def _origin_problems(baseline: Baseline | None, origin: Origin) -> list[str]:
    if baseline is None:
        return [f"no baseline is stored; store one with {UPDATE}"]
    was = baseline.origin
    problems = []
    if was.eval_sha256 != origin.eval_sha256:
        problems.append(
            f"the evaluation pairs are others: stored {was.eval_pairs} pairs with sha256 {was.eval_sha256[:12]}, "
            f"now {origin.eval_pairs} with {origin.eval_sha256[:12]}"
        )
    if was.base_digest != origin.base_digest:
        problems.append(
            f"the base is another: stored {was.base_name} with digest {was.base_digest[:12]}, "
            f"now {origin.base_name} with {origin.base_digest[:12]}"
        )
    return problems


def _differences(what: str, stored: set[str], now: set[str]) -> list[str]:
    return [f"{what} {name} is stored, but gone now" for name in sorted(stored - now)] + [
        f"{what} {name} is new, nothing is stored for it" for name in sorted(now - stored)
    ]
