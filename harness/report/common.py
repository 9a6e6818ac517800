"""A full run held against a gate run: the part of each that the other can have as well. Pure."""

from typing import NamedTuple

from harness.config import BASE
from harness.gates import GATES, Verdict
from harness.results import CaseResults


class CommonPart(NamedTuple):
    """A case of two runs, without what only one of them can have, and the names of what was left out."""

    a: CaseResults
    b: CaseResults
    left_out: tuple[str, ...] = ()


def of_two_kinds(a: CaseResults, b: CaseResults) -> bool:
    """Return True for a full run and a gate run, which measures the base and its candidate only."""
    return (a.candidate is None) != (b.candidate is None)


def common_part(a: CaseResults, b: CaseResults) -> CommonPart:
    """Return what both runs of a case can have: all of it where they are of one kind.

    What fails in a gate run stays, its verification as well: a candidate that fails it is no good whatever it measures.
    """
    if not of_two_kinds(a, b):
        return CommonPart(a, b)
    gated = next(case.candidate.model for case in (a, b) if case.candidate is not None)
    measured = ("", BASE, gated)

    def kept(verdict: Verdict, *, in_gate_run: bool) -> bool:
        gate = GATES[verdict.gate]
        if in_gate_run:
            return verdict.outcome == "fail" or ("full" in gate.runs and not gate.verifies)
        known = verdict.subject.model in measured and verdict.subject.stage != "train"
        return known and "gate" in gate.runs and not gate.verifies

    parts, left_out = [], []
    for case in (a, b):
        models = {name: model for name, model in case.models.items() if name in measured}
        verdicts = [verdict for verdict in case.verdicts if kept(verdict, in_gate_run=case.candidate is not None)]
        parts.append(case.model_copy(update={"models": models, "verdicts": tuple(verdicts)}))
        left_out += [f"model {name}" for name in case.models if name not in models]
        left_out += [_name(v) for v in case.verdicts if v not in verdicts and v.subject.model in measured]
    return CommonPart(parts[0], parts[1], tuple(dict.fromkeys(left_out)))


def _name(verdict: Verdict) -> str:
    return " of ".join(filter(None, (f"gate {verdict.gate}", verdict.subject.stage)))
