"""A verdict goes through JSON unchanged, and its numbers are written for people."""

from __future__ import annotations

import json
import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import gates
from harness.gates import Verdict
from harness.gates.verdict import outcome_of

NAN = math.nan


@given(
    outcome=st.sampled_from(["pass", "fail", "inconclusive"]),
    observed=st.floats(allow_infinity=False),
    reference=st.floats(allow_infinity=False),
    words=st.text(),
)
def test_a_verdict_comes_back_from_strict_json_as_it_was(
    outcome: Any, observed: float, reference: float, words: str
) -> None:
    verdict = Verdict("gate", "lora", words, outcome, observed, reference, words)
    back = gates.from_json(json.loads(json.dumps(gates.to_json(verdict), allow_nan=False)))
    assert repr(verdict) == repr(back)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.8214, "", "0.821"),
        (-0.2194, "rank correlation", "-0.219"),
        (17.0, "pairs", "17"),
        (2.5, "pairs", "2.5"),
        (NAN, "", "NaN"),
        (NAN, "pairs", "NaN"),
    ],
)
def test_numbers_are_written_for_people(value: float, unit: str, expected: str) -> None:
    assert expected == gates.number(value, unit)


@pytest.mark.parametrize(("passed", "expected"), [(True, "pass"), (False, "fail")])
def test_a_yes_passes_and_a_no_fails(passed: bool, expected: Literal["pass", "fail"]) -> None:
    assert expected == outcome_of(passed)
