"""Every fault of the collection, in the order of the table in `docs/faults.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .adapters import ADAPTERS
from .models import MODELS
from .origins import ORIGINS
from .settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .tools import Fault

FAULTS: Mapping[str, Fault] = {**ADAPTERS, **MODELS, **SETTINGS, **ORIGINS}

QUALITY: Mapping[str, str] = {
    "training: the labels of 10 % of the pairs flipped": "baseline",
    "training: the labels of half of the pairs flipped": "baseline",
    "training: one epoch instead of four": "baseline",
    "training: on the evaluation pairs": "data",
    "training: on the evaluation pairs, nothing recorded": "data",
}
"""Faults of quality on the real model (`test_quality.py`): fault -> the check that catches it."""

ROWS: Mapping[str, str] = {**{name: fault.caught_by for name, fault in FAULTS.items()}, **QUALITY}
"""Fault -> the check that catches it: every row of the table."""
