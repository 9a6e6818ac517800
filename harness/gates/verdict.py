"""The outcome of a gate, in values and in words."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from harness.metrics.types import Number

Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a verdict is about. A field is empty where the gate has no such parameter.

    Attributes:
        model: A model of the case.
        reference: The model that it is held against.
        metric: A key of `METRICS`.
        category: A category of the pairs.
        check: A key of `CHECKS`, the audit of the data.
        texts: A set of texts: `eval` or `probes`.
        stage: `train` or `encode`.
        batch: Texts in a call.
    """

    model: str = ""
    reference: str = ""
    metric: str = ""
    category: str = ""
    check: str = ""
    texts: str = ""
    stage: str = ""
    batch: str = ""

    def __str__(self) -> str:
        """Return the fields that are set, as in test ids: `lora-margin`."""
        return "-".join(value for field in fields(self) if (value := getattr(self, field.name)))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of one gate on one subject.

    Attributes:
        gate: A key of `GATES`; set by the gate's row.
        subject: What it is about; set by the gate's row.
        outcome: `fail` stops a release.
        observed: The value that was judged; NaN where undefined.
        reference: What it was held against; NaN where there is none.
        message: The outcome in words, without `examples`.
        examples: The pairs to look at first, in words.
        more: How many such pairs there are beside `examples`.
        improved: Whether the value is better than stored by more than its tolerance.
    """

    outcome: Outcome
    observed: Number
    reference: Number
    message: str
    gate: str = ""
    subject: Subject = Subject()
    examples: tuple[str, ...] = ()
    more: int = 0
    improved: bool = False

    @property
    def text(self) -> str:
        """The message with its examples."""
        if not self.examples:
            return self.message
        rest = f" and {self.more} more" if self.more else ""
        return f"{self.message}; now wrong: {'; '.join(self.examples)}{rest}"


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A gate that was not judged, since what it depends on failed.

    Attributes:
        gate: A key of `GATES`.
        subject: What it would have been about.
        cause: The gate or the error that failed in its place.
    """

    gate: str
    subject: Subject
    cause: str


class NotJudgedError(Exception):
    """Raised by a gate whose values do not exist because another gate fails: one cause is one failure.

    Attributes:
        cause: Key of the gate that fails.
    """

    def __init__(self, cause: str, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause


def outcome_of(passed: bool) -> Literal["pass", "fail"]:
    """Return the outcome of a yes or no."""
    return "pass" if passed else "fail"
