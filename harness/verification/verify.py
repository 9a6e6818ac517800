"""Every check on a candidate, from its files to what it computes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data import NO_SIDES, Sides
from harness.errors import CheckpointError
from harness.execution import Context
from harness.models.embeddings import EMBEDDINGS, read_arrays
from harness.models.record import TrainingRecord, read_record
from harness.models.sources import ResolvedBase
from harness.verification.base import check_base
from harness.verification.candidate import Candidate, CheckResult
from harness.verification.files import check_files
from harness.verification.load_paths import VERIFY_LOAD_PATHS
from harness.verification.opened import VERIFY_OPENED


@dataclass(frozen=True)
class Verification:
    """Everything found out about a candidate before it is measured. Where its files are refused, only that.

    Attributes:
        checks: `files`, `complete`, `base` where it must be the case's, `exact_merge` of an adapter -> result.
        settings: Load path -> the opened model's settings.
        errors: Load path -> why it fails.
        embeddings: Load path -> the probe texts' embeddings in one process and in another, float32 of shape
            `(n_probes, dimension)`; below them the same with the prompt of each side that has one.
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
        """Raise a CheckpointError if its files, its base or what they open to is wrong: nothing of it is measured."""
        for name in ("files", "base", "complete"):
            found = self.checks.get(name)
            if found is not None and found.outcome == "fail":
                raise CheckpointError(f"check {name!r} failed: {found.message}")


def verify(ctx: Context, candidate: Candidate, base: ResolvedBase, title: str, sides: Sides = NO_SIDES) -> Verification:
    """Run every check on a candidate: on its files, and only if they are safe on what they open to.

    The title names the steps. A HarnessError where one failed, or the candidate changed meanwhile.
    """
    files = check_files(candidate)
    if files.outcome == "fail":
        return Verification({"files": files})
    arguments = {"candidate": candidate, "base": base, "sides": sides, "device": ctx.device}
    openings = [
        partial(ctx.artefact, VERIFY_LOAD_PATHS, title=f"{title}, opening {seed}", seed=seed, **arguments)
        for seed in (1, 2)
    ]
    ctx.ahead(openings)
    opened = ctx.run(VERIFY_OPENED, title=title, candidate=candidate, base=base)
    first, second = (opening() for opening in openings)
    once, again = (read_arrays(artefact.file(EMBEDDINGS)) for artefact in (first, second))
    record, record_error = None, ""
    try:
        record = read_record(candidate.path)
    except CheckpointError as error:
        record_error = str(error)
    origin = {}
    if candidate.of_base:
        origin["base"] = CheckResult("fail", record_error) if record_error else check_base(candidate, base, record)
    checks = {"files": files, **origin, **opened}
    if candidate.named:  # by the case, which answers for what its files do not tell
        checks |= {name: replace(found, outcome="pass") for name, found in checks.items() if found.outcome != "fail"}
    return Verification(
        checks=checks,
        settings=first.value.settings,
        errors={**first.value.errors, **second.value.errors},
        embeddings={path: (once[path], again[path]) for path in once if path in again},
        record=record,
        record_error=record_error,
    )
