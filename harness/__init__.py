"""Regression gates for fine-tuned sentence-embedding models, as pytest assertions against stored baselines."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public name -> module. Imported when it is first used: importing the package itself costs nothing.
_PUBLIC = {
    "GATES": "harness.gates",
    "METRICS": "harness.metrics",
    "Case": "harness.config",
    "CaseRun": "harness.run",
    "Context": "harness.execution",
    "Encoder": "harness.models",
    "HarnessError": "harness.errors",
    "Results": "harness.results",
    "Settings": "harness.run",
    "Store": "harness.execution",
    "Verdict": "harness.gates",
    "audit_pairs": "harness.api.audit",
    "compare_predictions": "harness.api.predictions",
    "compare_scores": "harness.api.comparison",
    "compute_metrics": "harness.api.metrics",
    "load_case": "harness.api.cases",
    "open_session": "harness.run",
    "prepare": "harness.run",
    "read_baseline": "harness.baselines",
    "read_pairs": "harness.data",
    "read_results": "harness.results",
    "run_case": "harness.api.cases",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
