"""The changes from one run's results to another's. Pure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from harness.baselines import DECIMALS, origin_problems
from harness.errors import HarnessError
from harness.gates import Outcome, Subject
from harness.metrics import METRICS
from harness.text import count, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.results import CaseResults, MetricEntry, Results

ChangeOutcome = Literal["better", "worse", "same", "gone", "new"]

_Key = TypeVar("_Key")

_OUTCOMES: tuple[ChangeOutcome, ...] = ("worse", "gone", "better", "new", "same")
_ROUNDING = 10**-DECIMALS  # as in the gate: the rounding of a stored value is not a change


@dataclass(frozen=True, kw_only=True)
class MetricChange:
    """One metric of one model, in A and in B.

    Attributes:
        case: The case.
        model: The model.
        metric: A key of `METRICS`.
        before: Value in A; NaN where it is undefined or absent.
        after: Value in B, likewise.
        change: How much better B is, whichever direction is good, and negative where it is worse; NaN where either is.
        tolerance: What still counts as the same: the stored one of B, else of A, else the floor of the case.
        outcome: `gone` and `new` are in A only and in B only.
    """

    case: str
    model: str
    metric: str
    before: float
    after: float
    change: float
    tolerance: float
    outcome: ChangeOutcome


@dataclass(frozen=True, kw_only=True)
class GateChange:
    """A gate with another verdict in B; None where it did not run."""

    case: str
    gate: str
    subject: Subject
    before: Outcome | None
    after: Outcome | None
    message: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The changes from A to B.

    Attributes:
        metrics: Every metric of every model of every case of both.
        gates: The gates with another verdict.
        gone: The cases that B no longer has.
        new: The cases that A did not have.
    """

    metrics: tuple[MetricChange, ...]
    gates: tuple[GateChange, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]

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
        parts += [f"{count(len(self.gone), 'case')} gone"] if self.gone else []
        fail = "gate fails" if failing == 1 else "gates fail"
        answer = "Regression" if self.regressed else "No regression"
        return f"{answer}: {', '.join(parts)}; {failing} {fail} that did not."


def compare(a: Results, b: Results) -> Comparison:
    """Compare B with A.

    Raises:
        HarnessError: They cannot be compared: no common case, other evaluation pairs, or another base. In one line.
    """
    common = [case for case in a.cases if case in b.cases]
    if not common:
        raise HarnessError(f"not comparable: no common case: A has {names(a.cases)}, B has {names(b.cases)}")
    problems = [
        f"{case}: {problem}"
        for case in common
        for problem in origin_problems(a.cases[case].origin, b.cases[case].origin, names=("A", "B"))
    ]
    if problems:
        raise HarnessError(one_line(f"not comparable: {'; '.join(problems)}"))
    return Comparison(
        metrics=tuple(row for case in common for row in _metric_changes(case, a.cases[case], b.cases[case])),
        gates=tuple(row for case in common for row in _gate_changes(case, a.cases[case], b.cases[case])),
        gone=tuple(case for case in a.cases if case not in b.cases),
        new=tuple(case for case in b.cases if case not in a.cases),
    )


def names(found: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Join names for people."""
    return one_line(", ".join(found)) or "none"


def _metric_changes(case: str, a: CaseResults, b: CaseResults) -> Iterator[MetricChange]:
    for model in _union(a.models, b.models):
        was, now = (results.models[model].metrics if model in results.models else {} for results in (a, b))
        for metric in METRICS:
            if metric in was or metric in now:
                yield _metric_change(case, model, metric, was.get(metric), now.get(metric))


def _metric_change(case: str, model: str, metric: str, a: MetricEntry | None, b: MetricEntry | None) -> MetricChange:
    before, after = (math.nan if entry is None else entry.value for entry in (a, b))
    change = after - before if METRICS[metric].direction == "higher" else before - after
    found = [entry for entry in (b, a) if entry is not None]
    tolerance = next((entry.tolerance for entry in found if entry.stored is not None), found[0].tolerance)
    noise = tolerance + _ROUNDING
    outcome: ChangeOutcome
    if a is None or b is None:
        outcome = "new" if a is None else "gone"
    elif math.isnan(change):  # undefined in A, in B, or in both
        outcome = "same" if math.isnan(before) and math.isnan(after) else "worse" if math.isnan(after) else "better"
    else:
        outcome = "worse" if -change > noise else "better" if change > noise else "same"
    return MetricChange(
        case=case,
        model=model,
        metric=metric,
        before=before,
        after=after,
        change=change,
        tolerance=tolerance,
        outcome=outcome,
    )


def _gate_changes(case: str, a: CaseResults, b: CaseResults) -> Iterator[GateChange]:
    was, now = ({(verdict.gate, verdict.subject): verdict for verdict in results.verdicts} for results in (a, b))
    for gate, subject in _union(was, now):
        before, after = was.get((gate, subject)), now.get((gate, subject))
        if before is None or after is None or before.outcome != after.outcome:
            yield GateChange(
                case=case,
                gate=gate,
                subject=subject,
                before=before.outcome if before else None,
                after=after.outcome if after else None,
                message=after.text if after else "",
            )


def _union(first: Mapping[_Key, Any], second: Mapping[_Key, Any]) -> list[_Key]:
    """Return the keys of both, in the order of the first."""
    return list(dict.fromkeys([*first, *second]))
