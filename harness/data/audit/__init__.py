"""Audit of a case's pairs: leakage, near duplicates, balance, shortcuts, truncation. Pure: pairs in, findings out.

To add a check, write a function from `AuditData` to a `Finding` in one of the modules, and a row in `CHECKS` with the
limit that a case has by default. Importing this package loads numpy only.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.data.audit.files import category_balance, duplicates, empty_texts, label_balance, truncated_texts
from harness.data.audit.leakage import contradictions, near_shared_pairs, near_shared_texts, shared_pairs, shared_texts
from harness.data.audit.shortcuts import category_alone, length_alone, one_word
from harness.data.audit.types import AuditData, Check, Finding, PairFile
from harness.text import aligned

CHECKS: dict[str, Check] = {
    "shared_pairs": Check(
        "Eval pairs in train",
        "Was the model trained on what it is judged by? Order, prefix, case, spaces and label do not count.",
        shared_pairs,
    ),
    "near_shared_pairs": Check(
        "Eval pairs nearly in train",
        "The same, where a text differs by a trivial change and the label is the same.",
        near_shared_pairs,
    ),
    "shared_texts": Check(
        "Eval texts in train",
        "Does the model know the texts that it is judged by, paired with others?",
        shared_texts,
        limit=0.5,  # at least half of the eval texts are new
    ),
    "near_shared_texts": Check(
        "Eval texts nearly in train",
        "The same, where a text differs by a trivial change.",
        near_shared_texts,
        limit=0.05,
    ),
    "duplicates": Check("Repeated pairs", "Does a pair count more than once? In the worse file.", duplicates),
    "contradictions": Check(
        "Pairs with two labels",
        "Is a pair called positive in one place of a file and negative in another?",
        contradictions,
        unit="pairs",
        high=math.inf,
    ),
    "label_balance": Check(
        "More frequent label",
        "How often is it right to say always the same? In the less even file.",
        label_balance,
        limit=0.6,  # a guess that always says the same must stay a bad one
        low=0.5,
    ),
    "category_balance": Check(
        "Most frequent category",
        "Does one category decide the values over all pairs? In the less even file.",
        category_balance,
        of_categories=True,
        limit=0.5,  # no category decides the values over all pairs
    ),
    "category_alone": Check(
        "Label from the category",
        "Does the category give the label away?",
        category_alone,
        of_categories=True,
        unit="gain in accuracy",
        limit=0.05,  # 300 pairs know an accuracy to about 0.06 (95 %): what is smaller is noise
        high=0.5,
    ),
    "length_alone": Check(
        "Label from the length",
        "Do the lengths of the texts give the label away?",
        length_alone,
        unit="AUC",
        limit=0.6,  # 0.5 is chance
        low=0.5,
    ),
    "one_word": Check(
        "Label from one word",
        "Does a single word give the label away?",
        one_word,
        unit="gain in accuracy",
        limit=0.05,
        high=0.5,
    ),
    "empty_texts": Check("Empty texts", "Does a text say nothing behind its prefix? In the worse file.", empty_texts),
    "truncated_texts": Check(
        "Truncated texts",
        "Is a text longer than the model reads? The rest is cut without a word. In the worse file.",
        truncated_texts,
    ),
}
"""Every check by its key, in the order of reports."""


@dataclass(frozen=True)
class Audit:
    """The findings about the data of a case.

    Attributes:
        findings: Key in `CHECKS` -> what it found; of pairs without categories none about those.
        leaked: Rows of the eval pairs that are in train, or nearly so, ascending.
    """

    findings: Mapping[str, Finding]
    leaked: tuple[int, ...]

    def __repr__(self) -> str:
        rows = [_row(CHECKS[name], finding) for name, finding in self.findings.items()]
        return "\n".join(aligned(("check", "value", "limit", "found"), rows, right=(1, 2)))


def audit(data: AuditData) -> Audit:
    """Run every check; those of categories where there are any."""
    return Audit(
        findings={
            name: check.function(data)
            for name, check in CHECKS.items()
            if data.has_categories or not check.of_categories
        },
        leaked=tuple(sorted(data.shared.keys() | data.near_shared.keys())),
    )


def _row(check: Check, finding: Finding) -> list[str]:
    examples = f": {finding.examples[0]}" if finding.examples and finding.value > check.limit else ""
    words = finding.reason or finding.words + examples
    return [check.title, check.shown(finding.value), check.shown(check.limit), words]
