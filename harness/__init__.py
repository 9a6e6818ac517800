"""Regression gates for fine-tuned sentence-embedding models, as pytest assertions against stored baselines."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public name -> module. Imported when it is first used: importing the package itself costs nothing.
_PUBLIC = {
    "METRICS": "harness.metrics",
    "Case": "harness.case",
    "CaseRun": "harness.pipeline",
    "HarnessError": "harness.errors",
    "Store": "harness.store",
    "Verdict": "harness.gates",
    "Workplace": "harness.workplace",
    "prepare": "harness.inputs",
    "read_baseline": "harness.baselines",
    "read_case": "harness.case",
    "read_pairs": "harness.pairs",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
