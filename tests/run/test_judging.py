"""A gate in a run: its verdict, or what it fails for."""

import pytest

from harness.errors import StageError
from harness.gates import Gate, NotJudgedError, Skipped, Subject, Verdict
from harness.run import NotJudged, judge

SUBJECT = Subject(model="lora")


def gate(found):
    def judged(run, subject):
        if isinstance(found, Exception):
            raise found
        return found

    return Gate(name="merge_agrees", title="", question="", action="", judge=judged)


def test_a_verdict_is_the_gates_own():
    found = judge(None, gate(Verdict(outcome="pass", observed=1, reference=1, message="m")), SUBJECT)
    assert (found.gate, found.subject, found.outcome) == ("merge_agrees", SUBJECT, "pass")


@pytest.mark.parametrize(
    ("error", "cause", "by_gate"),
    [
        (NotJudgedError("files", "the gate files fails"), "files", True),
        (StageError("train lora: killed"), "train lora: killed", False),
    ],
)
def test_without_a_verdict_it_says_what_fails_in_its_place(error, cause, by_gate):
    skipped = Skipped(gate="merge_agrees", subject=SUBJECT, cause=cause)
    assert judge(None, gate(error), SUBJECT) == NotJudged(skipped, str(error), by_gate)
