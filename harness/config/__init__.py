"""Case files: one `case.toml` a data set, validated, its defaults filled in from the tables of metrics and checks."""

from harness.config.case import Case, read_case
from harness.config.fields import Frozen
from harness.config.limits import Gates, LearningRateCheck, MemoryGate, RelativeGate, Tolerance
from harness.config.recipe import LOSSES, LoraSpec, Recipe
from harness.config.reference import KeyReference, case_reference
from harness.config.sources import BASE, BaseSpec, DataSpec

__all__ = [
    "BASE",
    "LOSSES",
    "BaseSpec",
    "Case",
    "DataSpec",
    "Frozen",
    "Gates",
    "KeyReference",
    "LearningRateCheck",
    "LoraSpec",
    "MemoryGate",
    "Recipe",
    "RelativeGate",
    "Tolerance",
    "case_reference",
    "read_case",
]
