"""Evidence in, verdicts out. Pure: no file, no model. Each gate says in words what it saw and what it expected."""

from harness.gates.limits import BATCHES
from harness.gates.regression import change_verdict
from harness.gates.table import GATES, PARAMETERS, expected, judge, runs_of, subjects
from harness.gates.types import (
    Evidence,
    Gate,
    Inputs,
    NotJudgedError,
    Outcome,
    Skipped,
    Source,
    Subject,
    Verdict,
    large_categories,
)
