"""Two `results.json`: what got better and what got worse from A to B, for a terminal and for a pull request. Pure."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from harness.baselines import DECIMALS, origin_problems
from harness.errors import HarnessError
from harness.gates import Outcome, Subject
from harness.metrics import METRICS
from harness.report.common import common_part, of_two_kinds
from harness.report.github import COMMENT_BYTES, cut_lines, markdown_text, table
from harness.results import CaseResults, MetricEntry, Results
from harness.text import aligned, count, number, one_line, signed

_METRIC_TITLES = ("case", "model", "metric", "A", "B", "change (+ is better)", "tolerance", "outcome")
_GATE_TITLES = ("case", "gate", "subject", "A", "B", "message of B")

ChangeOutcome = Literal["better", "worse", "same", "gone", "new"]

_Key = TypeVar("_Key")

_OUTCOMES: tuple[ChangeOutcome, ...] = ("worse", "gone", "better", "new", "same")
_ROUNDING = 10**-DECIMALS  # as in the gate: the rounding of a stored value is not a change


@dataclass(frozen=True)
class MetricChange:
    """One metric of one model, in A and in B.

    Attributes:
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


@dataclass(frozen=True)
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
        metrics: Each metric of both.
        gates: The gates with another verdict.
        gone: The cases that only A has.
        new: The cases that only B has.
        left_out: Of a full and a gate run, the names of what only one of them can have: it is not compared.
    """

    metrics: tuple[MetricChange, ...]
    gates: tuple[GateChange, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @property
    def regressed(self) -> bool:
        """True if something is worse by more than its tolerance, undefined or gone, or a gate fails that did not."""
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
    """Compare B with A; of a full and a gate run, what both can have.

    Raises:
        HarnessError: They cannot be compared: no common case, other evaluation pairs, another base, or a run in which
            no gate was judged. In one line.
    """
    common = [case for case in a.cases if case in b.cases]
    if not common:
        raise HarnessError(f"not comparable: no common case: A has {names(a.cases)}, B has {names(b.cases)}")
    both = [(case, a.cases[case], b.cases[case]) for case in common]
    problems = [
        f"{case}: {problem}"
        for case, was, now in both
        for problem in (
            *origin_problems(was.origin, now.origin, names=("A", "B")),
            *(_not_judged(name, one) for name, one in (("A", was), ("B", now)) if not one.verdicts),
        )
    ]
    if problems:
        raise HarnessError(one_line(f"not comparable: {'; '.join(problems)}"))
    parts = {case: common_part(was, now) for case, was, now in both}
    gone = tuple(case for case in a.cases if case not in b.cases)
    new = tuple(case for case in b.cases if case not in a.cases)
    left_out = [f"{case}: {', '.join(part.left_out)}" for case, part in parts.items() if part.left_out]
    if any(of_two_kinds(was, now) for _, was, now in both):  # a gate run is of one case
        left_out, gone, new = [*left_out, *(f"case {case}" for case in (*gone, *new))], (), ()
    return Comparison(
        metrics=tuple(row for case, part in parts.items() for row in _metric_changes(case, part.a, part.b)),
        gates=tuple(row for case, part in parts.items() for row in _gate_changes(case, part.a, part.b)),
        gone=gone,
        new=new,
        left_out=tuple(left_out),
    )


def names(found: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Join names for people."""
    return one_line(", ".join(found)) or "none"


def as_text(comparison: Comparison) -> str:
    """Return the comparison for a terminal, in aligned columns."""
    parts = [aligned(_METRIC_TITLES, [_metric_cells(row) for row in comparison.metrics], right=(3, 4, 5, 6))]
    if comparison.gates:
        parts.append(["gates with another verdict:"])
        parts[-1] += aligned(_GATE_TITLES, [_gate_cells(gate) for gate in comparison.gates])
    parts.append([*_remarks(comparison), comparison.sentence])
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def as_markdown(comparison: Comparison) -> str:
    """Return the comparison as a comment on a pull request: the changes in tables, and the rest folded away."""
    changed = [row for row in comparison.metrics if row.outcome != "same"]
    same = [row for row in comparison.metrics if row.outcome == "same"]
    lines = ["### Embedding results, B against A", "", f"**{comparison.sentence}**"]
    lines += [line for remark in _remarks(comparison) for line in ("", markdown_text(remark))]
    lines += _markdown_table(_METRIC_TITLES, [_metric_cells(row) for row in changed])
    lines += _markdown_table(_GATE_TITLES, [_gate_cells(gate) for gate in comparison.gates])
    text = "\n".join(lines) + "\n"
    rows = _markdown_table(_METRIC_TITLES, [_metric_cells(row) for row in same])
    folded = "\n".join(["", f"<details><summary>{len(same)} the same</summary>", *rows, "", "</details>", ""])
    # Cut inside, the note of the cut would be folded away.
    whole = text + folded if same and len((text + folded).encode()) <= COMMENT_BYTES else text
    return cut_lines(whole, COMMENT_BYTES)


def _not_judged(name: str, case: CaseResults) -> str:
    return f"no gate was judged in {name}" + (f": {case.error}" if case.error else "")


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
    return MetricChange(case, model, metric, before, after, change, tolerance, outcome)


def _gate_changes(case: str, a: CaseResults, b: CaseResults) -> Iterator[GateChange]:
    was, now = ({(verdict.gate, verdict.subject): verdict for verdict in results.verdicts} for results in (a, b))
    for gate, subject in _union(was, now):
        before, after = was.get((gate, subject)), now.get((gate, subject))
        if before is None or after is None or before.outcome != after.outcome:
            words = (before.outcome if before else None), (after.outcome if after else None)
            yield GateChange(case, gate, subject, *words, message=after.text if after else "")


def _union(first: Mapping[_Key, Any], second: Mapping[_Key, Any]) -> list[_Key]:
    """Return the keys of both, in the order of the first."""
    return list(dict.fromkeys([*first, *second]))


def _remarks(comparison: Comparison) -> list[str]:
    found = {
        "Cases of A that B does not have": comparison.gone,
        "Cases of B that A did not have": comparison.new,
        "Not compared, since a full run and a gate run cannot both have it": comparison.left_out,
    }
    return [f"{which}: {names(left)}." for which, left in found.items() if left]


def _metric_cells(row: MetricChange) -> list[str]:
    unit = METRICS[row.metric].unit
    return [
        *(row.case, row.model, row.metric),
        "none" if row.outcome == "new" else number(row.before, unit),
        "none" if row.outcome == "gone" else number(row.after, unit),
        "none" if math.isnan(row.change) else signed(row.change, unit),
        number(row.tolerance, unit),
        row.outcome,
    ]


def _gate_cells(row: GateChange) -> list[str]:
    return [row.case, row.gate, str(row.subject), row.before or "not run", row.after or "not run", row.message]


def _markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["", *table(titles, (list(map(markdown_text, cells)) for cells in rows))] if rows else []
