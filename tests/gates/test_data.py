"""The data is judged by the case's limits: a check says what it found, where, and what was allowed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from harness import gates
from harness.audit import CHECKS, Finding

if TYPE_CHECKING:
    from harness.gates import Verdict

NAN = math.nan


def within(value: float, limit: float, check: str = "shared_pairs") -> Verdict:
    reason = "one label only" if math.isnan(value) else ""
    finding = Finding(value, "43 of 295 eval pairs are in train", ("eval.jsonl:3 = train.jsonl:7: a", "b"), reason)
    return gates.within_limit(check, finding, limit)


SAID = {
    "above": (
        within(43 / 295, 0),
        "fail",
        (
            "Eval pairs in train: 14.58%, limit 0.00%: above (43 of 295 eval pairs are in train): "
            "eval.jsonl:3 = train.jsonl:7: a; b"
        ),
    ),
    "within": (
        within(0.1, 0.1),
        "pass",
        "Eval pairs in train: 10.00%, limit 10.00%: within (43 of 295 eval pairs are in train)",
    ),
    "count": (
        gates.within_limit("contradictions", Finding(3.0), 0),
        "fail",
        "Pairs with two labels: 3, limit 0: above",
    ),
    "auc": (
        gates.within_limit("length_alone", Finding(0.585), 0.6),
        "pass",
        "Label from the length: 0.585, limit 0.600: within",
    ),
    "undefined": (
        gates.within_limit("length_alone", Finding(NAN, reason="one label only"), 0.6),
        "fail",
        "Label from the length: undefined, limit 0.600: undefined: one label only",
    ),
}


@pytest.mark.parametrize(("verdict", "outcome", "message"), SAID.values(), ids=SAID)
def test_a_check_says_what_it_found_and_what_was_allowed(verdict: Verdict, outcome: str, message: str) -> None:
    assert (outcome, message) == (verdict.verdict, verdict.message)


@pytest.mark.parametrize("check", CHECKS)
def test_nan_never_passes_a_check(check: str) -> None:
    verdict = within(NAN, 1, check)
    assert "fail" == verdict.verdict
    assert "one label only" in verdict.message


def test_more_is_never_better() -> None:
    rank = {"fail": 0, "pass": 1}
    outcomes = [rank[within(value / 20, 0.2).verdict] for value in range(20)]
    assert sorted(outcomes, reverse=True) == outcomes
    assert {0, 1} == set(outcomes)
