"""The data against the limits of the case."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.audit import CHECKS, shown
from harness.gates.verdict import Verdict, outcome_of

if TYPE_CHECKING:
    from harness.audit import Finding


def within_limit(check: str, finding: Finding, limit: float) -> Verdict:
    """What a check of the data found is within the case's limit.

    Args:
        check: A key of `CHECKS`.
        finding: What it found; NaN fails with its reason.
        limit: The greatest value that the case allows, in the check's unit.
    """
    passed = finding.value <= limit
    end = "within" if passed else f"undefined: {finding.reason}" if math.isnan(finding.value) else "above"
    message = f"{CHECKS[check].title}: {shown(check, finding.value)}, limit {shown(check, limit)}: {end}"
    message += f" ({finding.words})" if finding.words else ""
    message += f": {'; '.join(finding.examples)}" if finding.examples and not passed else ""
    return Verdict("audit", "", check, outcome_of(passed), finding.value, limit, message)
