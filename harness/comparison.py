"""Two `results.json`: what got better and what got worse from A to B, for a terminal and for a pull request."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.baselines import DECIMALS
from harness.case import BASE
from harness.errors import HarnessError
from harness.gates import number
from harness.github import cut_lines, markdown_text, plain_text, signed, table
from harness.metrics import METRICS
from harness.report.results import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

COMMENT_BYTES = 65_536
"""The most that GitHub takes as a comment."""

Outcome = Literal["better", "worse", "same", "gone", "new"]
Answer = Literal["pass", "fail", "inconclusive"]

_Key = TypeVar("_Key")

_OUTCOMES: tuple[Outcome, ...] = ("worse", "gone", "better", "new", "same")
_ROUNDING = 10**-DECIMALS  # as in the gate: the rounding of what is stored is not a change
_METRIC_TITLES = ("case", "model", "metric", "A", "B", "change (+ is better)", "tolerance", "outcome")
_GATE_TITLES = ("case", "gate", "model", "metric", "A", "B", "message of B")


class _Read(BaseModel):
    """What is read of the file. Other keys are for other readers."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class MetricValue(_Read):
    """A metric of a model; None is undefined, and no tolerance where nothing is stored."""

    value: float | None
    tolerance: float | None


class Group(_Read):
    """How many pairs a category has."""

    positives: int
    negatives: int


class Parameters(_Read):
    """The size of a model."""

    total: int


class ModelResults(_Read):
    """A model of a case."""

    metrics: dict[str, MetricValue]
    categories: dict[str, Group]
    parameters: Parameters


class Gate(_Read):
    """The answer of a gate."""

    name: str
    model: str
    metric: str
    verdict: Answer
    message: str


class CaseResults(_Read):
    """A case."""

    models: dict[str, ModelResults]
    gates: list[Gate]


class Origin(_Read):
    """What the values of a case must share to be comparable."""

    eval_sha256: str
    base_digest: str


class Provenance(_Read):
    """Where the values come from; case -> origin, where the file says so."""

    origin: dict[str, Origin] = {}


class Results(_Read):
    """A `results.json`, as far as it is compared."""

    cases: dict[str, CaseResults]
    provenance: Provenance


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


def read_results(path: Path) -> Results:
    """Reads and validates a `results.json`.

    Raises:
        HarnessError: It cannot be read, or is none, or one with another schema number. In one line.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror or error}; expected a results.json") from None
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"{path}: not JSON ({_line(error)}); expected a results.json") from None
    if not isinstance(content, dict) or "schema" not in content:
        raise HarnessError(f"{path}: got {_came(content)}, expected a results.json: an object with the key schema")
    if content["schema"] != SCHEMA or isinstance(content["schema"], bool):
        raise HarnessError(f"{path}: schema: got {_came(content['schema'])}, expected {SCHEMA}")
    try:
        return Results.model_validate(content)
    except ValidationError as error:
        problems = error.errors()
        first = problems[0]
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        where = plain_text(".".join(map(str, first["loc"]))) or "the file"
        expected = _line(first["msg"]).split(" or instance of ")[0]  # our classes say nothing to the reader
        raise HarnessError(f"{path}: {where}: {expected}; got {_came(first['input'])}{more}") from None


def compare(a: Results, b: Results) -> Comparison:
    """Holds B against A.

    Raises:
        HarnessError: They cannot be compared: no common case, other evaluation pairs, or another base. In one line.
    """
    common = [case for case in a.cases if case in b.cases]
    if not common:
        raise HarnessError(f"not comparable: no common case: A has {_names(a.cases)}, B has {_names(b.cases)}")
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
            (f"{_names(unsaid)}: not both files say from which pairs and base; their numbers of pairs agree.",)
            if unsaid
            else ()
        ),
    )


def as_text(comparison: Comparison) -> str:
    """The comparison for a terminal, in aligned columns."""
    parts = [_aligned(_METRIC_TITLES, [_metric_cells(row) for row in comparison.metrics], right=(3, 4, 5, 6))]
    if comparison.gates:
        parts.append(["gates whose verdict changed:"])
        parts[-1] += _aligned(_GATE_TITLES, [_gate_cells(gate) for gate in comparison.gates])
    parts.append([*_remarks(comparison), comparison.sentence])
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def as_markdown(comparison: Comparison) -> str:
    """The comparison as a comment on a pull request: what changed in tables, and the rest folded away."""
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


def _remarks(comparison: Comparison) -> list[str]:
    gone = [f"Cases of A that B does not have: {_names(comparison.gone)}."] if comparison.gone else []
    new = [f"Cases of B that A did not have: {_names(comparison.new)}."] if comparison.new else []
    return [*gone, *new, *comparison.notes]


def _metric_cells(row: MetricChange) -> list[str]:
    unit = METRICS[row.metric].unit
    absent = "undefined"
    return [
        *(row.case, row.model, row.metric),
        "none" if row.outcome == "new" else absent if math.isnan(row.before) else number(row.before, unit),
        "none" if row.outcome == "gone" else absent if math.isnan(row.after) else number(row.after, unit),
        "none" if math.isnan(row.change) else signed(row.change, unit),
        "none" if math.isnan(row.tolerance) else number(row.tolerance, unit),
        row.outcome,
    ]


def _gate_cells(gate: GateChange) -> list[str]:
    verdicts = (gate.before or "not run", gate.after or "not run")
    return [gate.case, gate.name, gate.model, gate.metric, *verdicts, gate.message]


def _aligned(titles: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    shown = [list(map(plain_text, cells)) for cells in (titles, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in shown
    ]


def _markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["", *table(titles, (list(map(markdown_text, cells)) for cells in rows))] if rows else []


def _union(first: Mapping[_Key, Any], second: Mapping[_Key, Any]) -> list[_Key]:
    """The keys of both, in the order of the first."""
    return list(dict.fromkeys([*first, *second]))


def _value(metric: MetricValue | None) -> float:
    return math.nan if metric is None or metric.value is None else metric.value


def _names(names: Sequence[str] | Mapping[str, Any]) -> str:
    return plain_text(", ".join(names)) or "none"


def _came(value: Any) -> str:
    """What came, short enough for a line."""
    shown = json.dumps(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."


def _line(message: object) -> str:
    return plain_text(str(message))
