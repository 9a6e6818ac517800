"""Evidence in, verdicts out. Pure: no file, no model. Each gate says in words what it saw and what it expected."""

from harness.gates.failures import RANKING
from harness.gates.inputs import Inputs, Source, large_categories
from harness.gates.limits import BATCHES
from harness.gates.parameters import PARAMETERS
from harness.gates.regression import change_verdict
from harness.gates.table import GATES, chosen, expected, judge, runs_of, subjects
from harness.gates.types import (
    Evidence,
    Gate,
    NotJudgedError,
    Outcome,
    Skipped,
    Subject,
    Verdict,
)
