"""Audit of a case's pairs: leakage, near duplicates, balance, shortcuts, truncation. Pure: pairs in, findings out.

To add a check, write a function from `AuditData` to a `Finding` in one of the modules, and a row in `CHECKS` with the
limit that a case has by default. Importing this package loads numpy only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.data.audit.balance import category_balance, label_balance
from harness.data.audit.duplicates import contradictions, duplicates
from harness.data.audit.leakage import near_shared_pairs, near_shared_texts, shared_pairs, shared_texts
from harness.data.audit.near_duplicates import LIBRARIES
from harness.data.audit.shortcuts import category_alone, length_alone, one_word
from harness.data.audit.truncation import empty_texts, truncated_texts
from harness.data.audit.types import AuditData, Check, Finding, PairFile

__all__ = ["CHECKS", "LIBRARIES", "Audit", "AuditData", "Check", "Finding", "PairFile", "audit"]

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
        limit=0.5,  # at least half of the eval texts are new
    ),
    "near_shared_texts": Check(
        title="Eval texts nearly in train",
        question="The same, where a text differs by a trivial change.",
        function=near_shared_texts,
        unit="share",
        limit=0.05,
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
        high=math.inf,
    ),
    "label_balance": Check(
        title="More frequent label",
        question="How often is it right to say always the same? In the less even file.",
        function=label_balance,
        unit="share",
        limit=0.6,  # a guess that always says the same must stay a bad one
        low=0.5,
    ),
    "category_balance": Check(
        title="Most frequent category",
        question="Does one category decide the values over all pairs? In the less even file.",
        function=category_balance,
        unit="share",
        limit=0.5,  # no category decides the values over all pairs
    ),
    "category_alone": Check(
        title="Label from the category",
        question="Does the category give the label away?",
        function=category_alone,
        unit="gain in accuracy",
        limit=0.05,  # 300 pairs know an accuracy to about 0.06 (95 %): what is smaller is noise
        high=0.5,
    ),
    "length_alone": Check(
        title="Label from the length",
        question="Do the lengths of the texts give the label away?",
        function=length_alone,
        unit="AUC",
        limit=0.6,  # 0.5 is chance
        low=0.5,
    ),
    "one_word": Check(
        title="Label from one word",
        question="Does a single word give the label away?",
        function=one_word,
        unit="gain in accuracy",
        limit=0.05,
        high=0.5,
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
    """Run every check."""
    return Audit(
        findings={name: check.function(data) for name, check in CHECKS.items()},
        leaked=tuple(sorted(data.shared.keys() | data.near_shared.keys())),
    )
