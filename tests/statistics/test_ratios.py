from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.statistics import ratio_interval

SECONDS = st.lists(st.tuples(st.floats(0.01, 10), st.floats(0.01, 10)), min_size=2, max_size=20)


@given(rounds=SECONDS)
def test_interval_is_students_of_the_logarithms(rounds: list[tuple[float, float]]) -> None:
    logs = np.log([a / b for a, b in rounds])
    ratio = ratio_interval(*zip(*rounds, strict=True))
    if logs.std() > 1e-9:  # scipy has no interval of a single point
        expected = np.exp(stats.t.interval(0.95, len(logs) - 1, loc=logs.mean(), scale=stats.sem(logs)))
        assert expected == pytest.approx([ratio.low, ratio.high], rel=1e-6)
    assert math.exp(logs.mean()) == pytest.approx(ratio.value)


def test_equal_rounds_have_a_ratio_without_doubt() -> None:
    assert (2.0, 2.0, 2.0) == pytest.approx(astuple(ratio_interval([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])))


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0]), ([], []), ([1.0, 2.0], [1.0])])
def test_too_few_rounds_are_an_error(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="expected at least two rounds of both, got"):
        ratio_interval(first, second)
