"""Every fault of the collection, in the order of the table in `docs/faults.md`."""

from collections.abc import Mapping

from .adapters import DIRECTORIES, WEIGHTS_OF_ADAPTERS
from .configurations import CONFIGURATIONS
from .models import MODELS
from .origins import ORIGINS
from .settings import SETTINGS
from .tools import Fault

FAULTS: Mapping[str, Fault] = {
    **WEIGHTS_OF_ADAPTERS,
    **CONFIGURATIONS,
    **DIRECTORIES,
    **MODELS,
    **SETTINGS,
    **ORIGINS,
}

QUALITY: Mapping[str, str] = {
    "training: the labels of 10 % of the pairs flipped": "metric",
    "training: the labels of half of the pairs flipped": "metric",
    "training: one epoch instead of four": "metric",
    "training: on the evaluation pairs": "training_data",
    "training: on the evaluation pairs, nothing recorded": "training_data",
}
"""Faults of quality on the real model (`test_quality.py`): fault -> the gate that catches it."""

ROWS: Mapping[str, str] = {**{name: fault.caught_by for name, fault in FAULTS.items()}, **QUALITY}
"""Fault -> the gate that catches it: every row of the table."""
