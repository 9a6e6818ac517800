"""Undefined is NaN, and JSON has no NaN: null stands for it. Both directions."""

from __future__ import annotations

import math
from typing import Any


def nan_to_null(value: Any) -> Any:
    """A value for strict JSON: None for every number in it that is not finite, at any depth."""
    if isinstance(value, dict):
        return {key: nan_to_null(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [nan_to_null(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def null_to_nan(value: Any) -> Any:
    """A number as it was before JSON: NaN for None, and anything else as it is. Not its items: there None is None."""
    return math.nan if value is None else value
