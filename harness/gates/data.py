"""Gates on the data: each check of its audit against the limit of the case."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.data.audit import CHECKS
from harness.gates.verdict import Verdict, outcome_of

if TYPE_CHECKING:
    from harness.gates.evidence import Evidence
    from harness.gates.verdict import Subject


def data_is_sound(run: Evidence, subject: Subject) -> Verdict:
    """Judge that what a check found in the pairs is within the case's limit."""
    check = CHECKS[subject.check]
    finding, limit = run.audit().findings[subject.check], run.inputs.case.audit[subject.check]
    passed = finding.value <= limit
    end = "within" if passed else f"undefined: {finding.reason}" if math.isnan(finding.value) else "above"
    message = f"{check.title}: {check.shown(finding.value)}, limit {check.shown(limit)}: {end}"
    message += f" ({finding.words})" if finding.words else ""
    message += f": {'; '.join(finding.examples)}" if finding.examples and not passed else ""
    return Verdict(outcome=outcome_of(passed), observed=finding.value, reference=limit, message=message)
