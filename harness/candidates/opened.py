"""Proofs `whole` and `weights`: opened, a candidate is what its files say. Runs in a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.candidates.finding import Finding
from harness.candidates.weights import require_exact_merge
from harness.checkpoints import (
    ADAPTER,
    ADAPTER_CONFIG,
    WEIGHTS,
    Checkpoint,
    merge,
    open_checkpoint,
    open_unmerged,
    read_json,
    read_tensors,
)
from harness.errors import CheckpointError

if TYPE_CHECKING:
    from harness.candidates.find import Candidate
    from harness.checkpoints import ResolvedBase
    from harness.stages import Progress


def prove_opened(candidate: Candidate, base: ResolvedBase, progress: Progress) -> dict[str, Finding]:
    """Opens a candidate, and compares what stands in memory with its files.

    Args:
        candidate: The candidate.
        base: What an adapter goes on.
        progress: Told when it is done.

    Returns:
        `whole`: every tensor of the file stands where it belongs, and nothing was made up; for an adapter also
        `weights`: merged, it is the base plus scaling x B x A.
    """
    adapter = candidate.strategy == "lora"
    checkpoint = Checkpoint(candidate.strategy, base, candidate.path)
    findings: dict[str, Finding] = {}
    try:
        model = open_unmerged(checkpoint) if adapter else open_checkpoint(checkpoint)
        findings["whole"] = Finding("pass", "every tensor of its files is in the opened model, and nothing else is")
    except CheckpointError as error:
        findings["whole"] = Finding("fail", str(error))
    if adapter:
        opened = findings["whole"].outcome == "pass"
        unopened = Finding("fail", "not computed: it does not open")
        findings["weights"] = _prove_weights(candidate, base, model) if opened else unopened
    progress(1.0, "compared")
    return findings


def _prove_weights(candidate: Candidate, base: ResolvedBase, model: Any) -> Finding:
    adapted = model[0].model
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
        return Finding("fail", f"{candidate.path}: {error}")
    return Finding("pass", f"merged, it is the base plus scaling x B x A: weights change by up to {largest:.2g}")
