"""Whether the pairs can be trusted to say how good a model is. Pure: pairs and word-piece counts in, findings out.

To add a check: write a function from `AuditData` to a `Finding` in one of the modules, a row in `CHECKS`, and its limit
in `AuditLimits` (`harness/case.py`). Importing this package loads numpy only.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from harness.audit.balance import category_balance, label_balance
from harness.audit.copies import contradictions, duplicates
from harness.audit.leaks import near_shared_pairs, near_shared_texts, shared_pairs, shared_texts
from harness.audit.near import LIBRARIES
from harness.audit.shortcuts import category_alone, length_alone, one_word
from harness.audit.texts import empty_texts, truncated_texts
from harness.audit.types import AuditData, Check, Finding, PairFile
from harness.metrics import nan_to_null, null_to_nan

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CHECKS",
    "LIBRARIES",
    "Audit",
    "AuditData",
    "Check",
    "Finding",
    "PairFile",
    "audit",
    "from_json",
    "shown",
    "to_json",
]

CHECKS: dict[str, Check] = {
    "shared_pairs": Check(
        title="Eval pairs in train",
        question="Was the model trained on what it is judged by? Order, prefix, case, spaces and label do not count.",
        function=shared_pairs,
        unit="share",
    ),
    "near_shared_pairs": Check(
        title="Eval pairs nearly in train",
        question="The same, where a text differs by a trivial change and the label is the same.",
        function=near_shared_pairs,
        unit="share",
    ),
    "shared_texts": Check(
        title="Eval texts in train",
        question="Does the model know the texts that it is judged by, paired with others?",
        function=shared_texts,
        unit="share",
    ),
    "near_shared_texts": Check(
        title="Eval texts nearly in train",
        question="The same, where a text differs by a trivial change.",
        function=near_shared_texts,
        unit="share",
    ),
    "duplicates": Check(
        title="Repeated pairs",
        question="Does a pair count more than once? In the worse file.",
        function=duplicates,
        unit="share",
    ),
    "contradictions": Check(
        title="Pairs with two labels",
        question="Is a pair called positive in one place and negative in another?",
        function=contradictions,
        unit="pairs",
    ),
    "label_balance": Check(
        title="More frequent label",
        question="How often is it right to say always the same? In the less even file.",
        function=label_balance,
        unit="share",
    ),
    "category_balance": Check(
        title="Most frequent category",
        question="Does one category decide the values over all pairs? In the less even file.",
        function=category_balance,
        unit="share",
    ),
    "category_alone": Check(
        title="Label from the category",
        question="Does the category give the label away?",
        function=category_alone,
        unit="gain in accuracy",
    ),
    "length_alone": Check(
        title="Label from the length",
        question="Do the lengths of the texts give the label away?",
        function=length_alone,
        unit="AUC",
    ),
    "one_word": Check(
        title="Label from one word",
        question="Does a single word give the label away?",
        function=one_word,
        unit="gain in accuracy",
    ),
    "empty_texts": Check(
        title="Empty texts",
        question="Does a text say nothing behind its prefix? In the worse file.",
        function=empty_texts,
        unit="share",
    ),
    "truncated_texts": Check(
        title="Truncated texts",
        question="Is a text longer than the model reads? The rest is cut without a word. In the worse file.",
        function=truncated_texts,
        unit="share",
    ),
}
"""Every check by its key, in the order of reports."""


@dataclass(frozen=True)
class Audit:
    """What is known about the data of a case.

    Attributes:
        findings: Key in `CHECKS` -> what it found.
        leaked: Rows of the eval pairs that are in train, or nearly so, ascending.
    """

    findings: Mapping[str, Finding]
    leaked: tuple[int, ...]


def audit(data: AuditData) -> Audit:
    """Runs every check."""
    return Audit(
        findings={name: check.function(data) for name, check in CHECKS.items()},
        leaked=tuple(sorted(data.shared.keys() | data.nearly_shared.keys())),
    )


def shown(check: str, value: float) -> str:
    """A value of a check for people: shares in per cent, pairs as a number, the rest with three decimals."""
    if math.isnan(value):
        return "undefined"
    return {"share": f"{value:.2%}", "pairs": f"{value:,.0f}"}.get(CHECKS[check].unit, f"{value:.3f}")


def to_json(found: Audit) -> dict[str, Any]:
    """The audit as JSON values; NaN becomes null."""
    return {
        "findings": {name: nan_to_null(asdict(finding)) for name, finding in found.findings.items()},
        "leaked": list(found.leaked),
    }


def from_json(content: dict[str, Any]) -> Audit:
    """The inverse of `to_json`."""
    return Audit(
        findings={
            name: Finding(
                value=null_to_nan(finding["value"]),
                words=finding["words"],
                examples=tuple(finding["examples"]),
                reason=finding["reason"],
            )
            for name, finding in content["findings"].items()
        },
        leaked=tuple(content["leaked"]),
    )
