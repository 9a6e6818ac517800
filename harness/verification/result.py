"""Results of the checks on a candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.errors import CheckpointError
from harness.models.record import TrainingRecord


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        outcome: `inconclusive` where more would have to be recorded beside the model.
        message: The reason in words.
    """

    outcome: Literal["pass", "fail", "inconclusive"]
    message: str


@dataclass(frozen=True)
class Verification:
    """Everything found out about a candidate before it is measured. Where its files are refused, only that.

    Attributes:
        checks: `files`, `base`, `complete` and for an adapter `exact_merge` -> result.
        settings: Load path -> the opened model's settings.
        errors: Load path -> why it fails.
        embeddings: Load path -> the probe texts' embeddings in one process and in another, float32 of shape
            `(n_probes, dimension)`.
        record: The record of its training; None where there is none, or it cannot be read.
        record_error: Why it cannot be read; else empty.
    """

    checks: Mapping[str, CheckResult]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    embeddings: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = field(default_factory=dict)
    record: TrainingRecord | None = None
    record_error: str = ""

    def require_opened(self) -> None:
        """Raise if nothing about the candidate can be measured.

        Raises:
            CheckpointError: Its files, its base, or what they open to is not what it should be.
        """
        for name in ("files", "base", "complete"):
            found = self.checks.get(name)
            if found is not None and found.outcome == "fail":
                raise CheckpointError(f"check {name!r} failed: {found.message}")
