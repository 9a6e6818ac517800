"""What changed from one run's results to another's. Pure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from harness.baselines import DECIMALS
from harness.case import BASE
from harness.errors import HarnessError
from harness.github import plain_text
from harness.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.comparison.reading import Answer, CaseResults, Gate, MetricValue, ModelResults, Results

Outcome = Literal["better", "worse", "same", "gone", "new"]

_Key = TypeVar("_Key")

_OUTCOMES: tuple[Outcome, ...] = ("worse", "gone", "better", "new", "same")
_ROUNDING = 10**-DECIMALS  # as in the gate: the rounding of what is stored is not a change


@dataclass(frozen=True)
class MetricChange:
    """One metric of one model, in A and in B.

    Attributes:
        case: The case.
        model: The model.
        metric: A key of `METRICS`.
        before: Value in A; NaN where it is undefined or absent.
        after: Value in B, likewise.
        change: How much better B is, whichever direction is good, and negative where it is worse; NaN where either is.
        tolerance: What still counts as the same; B's, else A's, NaN where neither stores one.
        outcome: `gone` and `new` are in A only and in B only.
    """

    case: str
    model: str
    metric: str
    before: float
    after: float
    change: float
    tolerance: float
    outcome: Outcome


@dataclass(frozen=True)
class GateChange:
    """A gate whose verdict is another in B; None where it did not run."""

    case: str
    name: str
    model: str
    metric: str
    before: Answer | None
    after: Answer | None
    message: str


@dataclass(frozen=True)
class Comparison:
    """What changed from A to B.

    Attributes:
        metrics: Every metric of every model of every case of both.
        gates: The gates whose verdict changed.
        gone: The cases that B no longer has.
        new: The cases that A did not have.
        notes: What a reader should know about the comparison itself.
    """

    metrics: tuple[MetricChange, ...]
    gates: tuple[GateChange, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def regressed(self) -> bool:
        """Whether something is worse by more than its tolerance, undefined or gone, or a gate fails that did not."""
        worse = any(row.outcome in ("worse", "gone") for row in self.metrics)
        return worse or bool(self.gone) or any(gate.after == "fail" for gate in self.gates)

    @property
    def sentence(self) -> str:
        """The answer in words."""
        counts = Counter(row.outcome for row in self.metrics)
        failing = sum(gate.after == "fail" for gate in self.gates)
        parts = [f"{counts[word]} {word}" for word in _OUTCOMES if counts[word] or word in ("worse", "better", "same")]
        parts += [f"{len(self.gone)} cases gone"] if self.gone else []
        answer = "Regression" if self.regressed else "No regression"
        return f"{answer}: {', '.join(parts)}; {failing} gates fail that did not."


def compare(a: Results, b: Results) -> Comparison:
    """Holds B against A.

    Raises:
        HarnessError: They cannot be compared: no common case, other evaluation pairs, or another base. In one line.
    """
    common = [case for case in a.cases if case in b.cases]
    if not common:
        raise HarnessError(f"not comparable: no common case: A has {names(a.cases)}, B has {names(b.cases)}")
    problems = [problem for case in common for problem in _origin_problems(case, a, b)]
    if problems:
        raise HarnessError(f"not comparable: {'; '.join(problems)}")
    unsaid = [case for case in common if case not in a.provenance.origin or case not in b.provenance.origin]
    return Comparison(
        metrics=tuple(row for case in common for row in _metric_changes(case, a.cases[case], b.cases[case])),
        gates=tuple(row for case in common for row in _gate_changes(case, a.cases[case].gates, b.cases[case].gates)),
        gone=tuple(case for case in a.cases if case not in b.cases),
        new=tuple(case for case in b.cases if case not in a.cases),
        notes=(
            (f"{names(unsaid)}: not both files say from which pairs and base; their numbers of pairs agree.",)
            if unsaid
            else ()
        ),
    )


def names(found: Sequence[str] | Mapping[str, Any]) -> str:
    """Names in a row, for people."""
    return plain_text(", ".join(found)) or "none"


def _origin_problems(case: str, a: Results, b: Results) -> Iterator[str]:
    """Why the values of a case are not comparable: by what the files say, or by what can be seen in them."""
    was, now = a.provenance.origin.get(case), b.provenance.origin.get(case)
    if was and now:
        if was.eval_sha256 != now.eval_sha256:
            yield _other(
                case, "other evaluation pairs", f"sha256 {was.eval_sha256[:12]}", f"sha256 {now.eval_sha256[:12]}"
            )
        if was.base_digest != now.base_digest:
            yield _other(case, "another base", f"digest {was.base_digest[:12]}", f"digest {now.base_digest[:12]}")
        return
    first, second = a.cases[case].models, b.cases[case].models
    model = next((name for name in first if name in second), None)
    if model is not None and first[model].categories != second[model].categories:
        yield _other(case, "other evaluation pairs", _pairs(first[model]), _pairs(second[model]))
    if BASE in first and BASE in second and first[BASE].parameters != second[BASE].parameters:
        sizes = [f"{models[BASE].parameters.total:,} parameters" for models in (first, second)]
        yield _other(case, "another base", *sizes)


def _other(case: str, what: str, was: str, now: str) -> str:
    return f"{plain_text(case)}: made from {what}: A {was}, B {now}"


def _pairs(model: ModelResults) -> str:
    groups = model.categories.values()
    positives, negatives = sum(group.positives for group in groups), sum(group.negatives for group in groups)
    return f"{positives} positive and {negatives} negative in {len(groups)} categories"


def _metric_changes(case: str, a: CaseResults, b: CaseResults) -> Iterator[MetricChange]:
    # The file is sorted by name; people know another order.
    for model in sorted(_union(a.models, b.models), key=lambda name: name != BASE):
        was, now = (results.models[model].metrics if model in results.models else {} for results in (a, b))
        found = _union(was, now)
        if unknown := [metric for metric in found if metric not in METRICS]:
            raise HarnessError(
                f"not comparable: {plain_text(f'{case}: {model}: metric {unknown[0]}')}: expected one of "
                f"{', '.join(METRICS)}: another version of the harness made it"
            )
        for metric in METRICS:
            if metric in found:
                yield _metric_change(case, model, metric, was.get(metric), now.get(metric))


def _metric_change(case: str, model: str, metric: str, a: MetricValue | None, b: MetricValue | None) -> MetricChange:
    before, after = _value(a), _value(b)
    change = after - before if METRICS[metric].direction == "higher" else before - after
    known = [value.tolerance for value in (b, a) if value is not None and value.tolerance is not None]
    tolerance = known[0] if known else math.nan
    noise = (known[0] if known else 0.0) + _ROUNDING
    outcome: Outcome
    if a is None or b is None:
        outcome = "new" if a is None else "gone"
    elif math.isnan(change):  # undefined in A, in B, or in both
        outcome = "same" if math.isnan(before) and math.isnan(after) else "worse" if math.isnan(after) else "better"
    else:
        outcome = "worse" if -change > noise else "better" if change > noise else "same"
    return MetricChange(case, model, metric, before, after, change, tolerance, outcome)


def _gate_changes(case: str, a: Sequence[Gate], b: Sequence[Gate]) -> Iterator[GateChange]:
    was, now = _worst(a), _worst(b)
    for key in _union(was, now):
        before, after = was.get(key), now.get(key)
        if before is None or after is None or before.verdict != after.verdict:
            yield GateChange(
                case,
                *key,
                before=before.verdict if before else None,
                after=after.verdict if after else None,
                message=after.message if after else "",
            )


def _worst(gates: Sequence[Gate]) -> dict[tuple[str, str, str], Gate]:
    """Each gate's answer; the worst, where it ran several times, as a model's shares of two others."""
    order = ("pass", "inconclusive", "fail")
    ranked = sorted(gates, key=lambda gate: order.index(gate.verdict))
    return {(gate.name, gate.model, gate.metric): gate for gate in ranked}


def _union(first: Mapping[_Key, Any], second: Mapping[_Key, Any]) -> list[_Key]:
    """The keys of both, in the order of the first."""
    return list(dict.fromkeys([*first, *second]))


def _value(metric: MetricValue | None) -> float:
    return math.nan if metric is None or metric.value is None else metric.value
