"""What is undefined goes through strict JSON and back."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import nan_to_null, null_to_nan

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NAN, None),
        (math.inf, None),
        (-math.inf, None),
        (0.0, 0.0),
        (0, 0),
        (False, False),
        ("nan", "nan"),
        (None, None),
        ({"a": [1.5, NAN, (NAN, {"b": math.inf})]}, {"a": [1.5, None, [None, {"b": None}]]}),
    ],
)
def test_nan_becomes_null_at_any_depth(value: Any, expected: Any) -> None:
    assert expected == nan_to_null(value)


@given(st.floats(allow_infinity=False))
def test_a_number_comes_back_from_strict_json_as_it_was(value: float) -> None:
    assert repr(value) == repr(null_to_nan(json.loads(json.dumps(nan_to_null(value), allow_nan=False))))


@pytest.mark.parametrize("value", ["", "why", 0, False, [None], {"a": None}])
def test_what_is_not_null_stays_as_it_is(value: Any) -> None:
    assert value == null_to_nan(value)
