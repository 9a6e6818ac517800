"""Worse than noise allows, and proven by the pairs: one rule for numbers and for arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.statistics import regression

# deterioration, tolerance, low, high -> worse, proven
RULE = [
    (0.10, 0.05, -0.15, -0.05, True, True),
    (0.10, 0.05, 0.05, 0.15, True, True),  # a metric of which less is better
    (0.10, 0.05, -0.21, 0.01, True, False),
    (0.10, 0.05, -0.20, 0.00, True, False),
    (0.10, 0.05, math.nan, math.nan, True, True),
    (0.05, 0.05, -0.06, -0.04, False, False),
    (-0.10, 0.05, 0.05, 0.15, False, False),
    (math.nan, 0.05, -0.15, -0.05, False, False),
]


@pytest.mark.parametrize(("deterioration", "tolerance", "low", "high", "worse", "proven"), RULE)
def test_the_tolerance_says_what_is_worse_and_the_interval_what_is_proven(
    deterioration: float, tolerance: float, low: float, high: float, worse: bool, proven: bool
) -> None:
    found = regression(deterioration, tolerance, low, high)
    assert (worse, proven) == (found.worse, found.proven)


def test_arrays_are_judged_one_by_one() -> None:
    *arguments, worse, proven = map(np.array, zip(*RULE, strict=True))
    found = regression(*arguments)
    assert (worse.tolist(), proven.tolist()) == (found.worse.tolist(), found.proven.tolist())
