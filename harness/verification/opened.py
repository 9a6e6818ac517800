"""Checks `complete` and `exact_merge`: opened, a candidate is what its files say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import CheckpointError
from harness.execution.step import MODEL, Step
from harness.models.encoding import LIBRARIES
from harness.models.files import ADAPTER, ADAPTER_CONFIG, WEIGHTS, read_json, read_tensors
from harness.models.loading import SAVED, merge, open_checkpoint
from harness.verification.candidate import Candidate  # noqa: TC001 - its methods are part of the step's source
from harness.verification.merge import require_exact_merge
from harness.verification.result import CheckResult

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from harness.execution.step import Progress
    from harness.models.sources import ResolvedBase


@dataclass(frozen=True)
class OpenedChecks:
    """Results of the checks on an opened candidate.

    Attributes:
        complete: Every tensor of its files is in the opened model, and nothing else is.
        exact_merge: Merged, an adapter is the base plus scaling x B x A; None for a whole model.
    """

    complete: CheckResult
    exact_merge: CheckResult | None = None


def check_opened(*, candidate: Candidate, base: ResolvedBase, progress: Progress) -> OpenedChecks:
    """Open a candidate, and compare what is in memory with its files.

    Args:
        candidate: The candidate.
        base: The base that an adapter goes on.
        progress: Told when it is done.

    Raises:
        CheckpointError: The candidate changed meanwhile.
    """
    checkpoint = candidate.checkpoint(base)
    open_unmerged = SAVED[candidate.strategy].open_unmerged
    exact_merge = None if open_unmerged is None else CheckResult("fail", "not computed: it does not open")
    try:
        model = (open_unmerged or open_checkpoint)(checkpoint)
    except CheckpointError as error:
        complete = CheckResult("fail", str(error))
    else:
        complete = CheckResult("pass", "every tensor of its files is in the opened model, and nothing else is")
        if open_unmerged is not None:
            exact_merge = _check_merge(candidate, base, model)
    candidate.require_unchanged()
    progress(1.0, "compared")
    return OpenedChecks(complete, exact_merge)


VERIFY_OPENED = Step("verification", run=check_opened, result=OpenedChecks, resource=MODEL, libraries=LIBRARIES)


def _check_merge(candidate: Candidate, base: ResolvedBase, model: SentenceTransformer) -> CheckResult:
    adapted: Any = model[0].model
    transposed = {
        name.removeprefix("base_model.model.")
        for name, module in adapted.named_modules()
        if hasattr(module, "base_layer") and type(module.base_layer).__name__ == "Conv1D"
    }
    transformer: Any = merge(model).transformers_model
    merged, stored = transformer.state_dict(), read_tensors(base.path / WEIGHTS)
    try:
        largest = require_exact_merge(
            merged,
            {name: tensor for name, tensor in stored.items() if name in merged},
            read_tensors(candidate.path / ADAPTER),
            read_json(candidate.path / ADAPTER_CONFIG),
            transposed,
        )
    except CheckpointError as error:
        return CheckResult("fail", f"{candidate.path}: {error}")
    return CheckResult("pass", f"merged, it is the base plus scaling x B x A: weights change by up to {largest:.2g}")
