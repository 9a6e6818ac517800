"""Every check on a candidate, from its files to what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import CheckpointError
from harness.models.encoding import EMBEDDINGS, read_arrays
from harness.models.record import read_record
from harness.verification.base import check_base
from harness.verification.files import check_files
from harness.verification.load_paths import VERIFY_LOAD_PATHS
from harness.verification.opened import VERIFY_OPENED
from harness.verification.result import Verification

if TYPE_CHECKING:
    from harness.execution import Context
    from harness.models.sources import ResolvedBase
    from harness.verification.candidate import Candidate


def verify(ctx: Context, candidate: Candidate, base: ResolvedBase, title: str) -> Verification:
    """Run every check on a candidate: on its files, and only if they are safe on what they open to.

    Args:
        ctx: Store and executor.
        candidate: The candidate.
        base: The case's base.
        title: Names the steps.

    Raises:
        HarnessError: A step failed, or the candidate changed meanwhile.
    """
    files = check_files(candidate)
    if files.outcome == "fail":
        return Verification({"files": files})
    opened = ctx.run(VERIFY_OPENED, title=title, candidate=candidate, base=base)
    first, second = (
        ctx.artefact(VERIFY_LOAD_PATHS, title=f"{title}, opening {seed}", candidate=candidate, base=base, seed=seed)
        for seed in (1, 2)
    )
    once, again = (read_arrays(artefact.file(EMBEDDINGS)) for artefact in (first, second))
    checks = {"files": files, "base": check_base(candidate, base), "complete": opened.complete}
    record, record_error = None, ""
    try:
        record = read_record(candidate.path)
    except CheckpointError as error:
        record_error = str(error)
    return Verification(
        checks=checks if opened.exact_merge is None else {**checks, "exact_merge": opened.exact_merge},
        settings=first.value.settings,
        errors={**first.value.errors, **second.value.errors},
        embeddings={path: (once[path], again[path]) for path in once if path in again},
        record=record,
        record_error=record_error,
    )
