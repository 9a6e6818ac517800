"""The answer of a gate, in values and in words."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.metrics import nan_to_null, null_to_nan

PROPERTY = "embedding-harness"
"""The user property of a pytest report that holds a verdict as JSON."""

FAILURE = "embedding-harness-failure"
"""The user property of a pytest report that holds a case's unmeasured models, each with its reason, as JSON."""

Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True)
class Verdict:
    """The answer of one gate.

    Attributes:
        name: The gate.
        model: The model it is about.
        metric: What was measured: a metric, a stage, a category and a metric.
        verdict: The answer; `fail` stops a release.
        observed: What came; NaN where undefined.
        reference: What it was held against; NaN where there is none.
        message: The answer in words.
    """

    name: str
    model: str
    metric: str
    verdict: Outcome
    observed: float
    reference: float
    message: str


def to_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON values; NaN becomes null."""
    return {key: nan_to_null(value) for key, value in asdict(verdict).items()}


def from_json(content: dict[str, Any]) -> Verdict:
    """The inverse of `to_json`."""
    numbers = {key: null_to_nan(content[key]) for key in ("observed", "reference")}
    return Verdict(**{**content, **numbers})


def number(value: float, unit: str = "") -> str:
    """A value for people: a count of pairs with at most one decimal, the rest with three."""
    if math.isnan(value):
        return "NaN"
    return f"{round(value, 1):g}" if unit == "pairs" else f"{value:.3f}"


def scientific(value: float) -> str:
    """A positive number with its power of ten, as a recipe writes a learning rate: 2e-5."""
    digits, _, exponent = f"{value:.5e}".partition("e")
    return f"{float(digits):g}e{int(exponent)}"


def outcome_of(passed: bool) -> Literal["pass", "fail"]:
    """The word for a yes or no."""
    return "pass" if passed else "fail"
