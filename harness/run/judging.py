"""A gate judged in a run: its verdict, or why there is none."""

from collections.abc import Collection
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.gates import Gate, NotJudgedError, Skipped, Subject, Verdict, chosen, subjects
from harness.gates import judge as judge_gate
from harness.run.case_run import CaseRun


@dataclass(frozen=True)
class NotJudged:
    """A gate without a verdict.

    Attributes:
        skipped: As in the results.
        reason: The reason in words.
        by_gate: Whether another gate fails in its place; else an error kept it from being judged.
    """

    skipped: Skipped
    reason: str
    by_gate: bool


def judge(run: CaseRun, gate: Gate, subject: Subject) -> Verdict | NotJudged:
    """Judge a gate for one subject."""
    try:
        return judge_gate(run, gate, subject)
    except NotJudgedError as error:
        skipped = Skipped(gate=gate.name, subject=subject, cause=error.cause)
        return NotJudged(skipped, str(error), by_gate=True)
    except HarnessError as error:
        return NotJudged(Skipped(gate=gate.name, subject=subject, cause=str(error)), str(error), by_gate=False)


def judge_all(run: CaseRun, kinds: Collection[str]) -> list[Verdict | NotJudged]:
    """Judge every gate of a run of these kinds."""
    return [judge(run, gate, subject) for gate in chosen(run.inputs, kinds) for subject in subjects(gate, run.inputs)]
