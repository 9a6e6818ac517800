"""The results of a case in words, for a terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, get_args

from harness.gates import Outcome
from harness.metrics import METRICS
from harness.text import aligned, count, number

if TYPE_CHECKING:
    from harness.results.model import CaseResults


def case_words(case: CaseResults) -> str:
    """Return how the gates went, every metric of every model, and what does not pass."""
    counts = Counter(verdict.outcome for verdict in case.verdicts)
    judged = ", ".join(f"{counts[outcome]} {outcome}" for outcome in get_args(Outcome))
    rows = [
        [name, *(number(model.metrics[metric].value, METRICS[metric].unit) for metric in METRICS)]
        for name, model in case.models.items()
    ]
    return "\n".join(
        [
            f"{count(case.pairs, 'pair')}; {count(case.expected, 'gate')}: {judged}, {len(case.skipped)} not judged",
            *aligned(("model", *METRICS), rows, right=range(1, len(METRICS) + 1)),
            *filter(None, [case.error]),
            *(f"{name} not measured: {reason}" for name, reason in case.missing.items()),
            *(verdict.text for verdict in case.verdicts if verdict.outcome != "pass"),
        ]
    )
