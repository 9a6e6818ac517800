"""Evidence in, verdicts out. Pure: no file, no model. Each gate says in words what it saw and what it expected."""

from harness.gates.evidence import Evidence, Scope
from harness.gates.parameters import PARAMETERS
from harness.gates.resources import BATCHES
from harness.gates.table import GATES, Gate, expected, judge, subjects
from harness.gates.verdict import NotJudgedError, Outcome, Skipped, Subject, Verdict

__all__ = [
    "BATCHES",
    "GATES",
    "PARAMETERS",
    "Evidence",
    "Gate",
    "NotJudgedError",
    "Outcome",
    "Scope",
    "Skipped",
    "Subject",
    "Verdict",
    "expected",
    "judge",
    "subjects",
]
