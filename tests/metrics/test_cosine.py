import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import pair_scores, row_cosines


@st.composite
def matrices(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 20)), draw(st.integers(1, 9))
    return (10.0 ** draw(st.integers(-9, 9)) * rng.normal(size=(2, *shape))).astype(np.float32)


@given(matrices())
def test_cosines_are_those_of_a_plain_loop_and_never_leave_their_range(both):
    first, second = both.tolist()
    expected = [
        sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)
        for a, b in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(expected, row_cosines(*both), rtol=0, atol=1e-12)
    assert (row_cosines(both[0], both[0]) <= 1).all()
    rows = np.array([[row, len(first) + row] for row in range(len(first))])
    for sides in (rows, rows[:, ::-1]):
        np.testing.assert_array_equal(row_cosines(*both), pair_scores(np.concatenate(both), sides))


@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf])
def test_a_row_without_a_direction_has_no_cosine(bad):
    good, row = np.ones((1, 3), np.float32), np.full((1, 3), bad, np.float32)
    for sides in ((good, row), (row, good), (row, row)):
        assert math.isnan(row_cosines(*sides)[0])
