"""Checks `complete` and `exact_merge`: opened, a candidate is what its files say."""

from __future__ import annotations

import re
from typing import Any

from harness.errors import CheckpointError
from harness.execution.step import MODEL, Progress, Step
from harness.models.encoding import LIBRARIES
from harness.models.files import ADAPTER, ADAPTER_CONFIG, first_module, read_object, read_tensors, read_weights
from harness.models.loading import SAVED, adapted_layers, merge
from harness.models.methods import BY_PEFT_ALONE, COMPUTED
from harness.models.names import as_opened
from harness.models.sources import ResolvedBase
from harness.text import some
from harness.verification.candidate import Candidate, CheckResult
from harness.verification.merging import require_exact_merge, require_only_layers

# Who wrote the file, in which type, for which task, and what counts in training only.
_NO_ARCHITECTURE = re.compile(
    r"^(_|transformers_version$|architectures$|(torch_)?dtype$|use_cache$|id2label$|label2id$|problem_type$|output_|"
    r"return_dict$|finetuning_task$|initializer_)|_token_id$|dropout|gradient_checkpointing"
)
_COMPLETE = "every tensor of its files is in the opened model, and nothing else is"


def check_opened(*, candidate: Candidate, base: ResolvedBase, progress: Progress) -> dict[str, CheckResult]:
    """Open a candidate, and compare what is in memory with its files: `complete`, for an adapter also `exact_merge`.

    Raises:
        CheckpointError: The candidate changed meanwhile.
    """
    checkpoint = candidate.checkpoint(base)
    saved = SAVED[candidate.strategy]
    checks = {}
    try:
        model, notes = saved.open(checkpoint, "cpu")  # where numbers are the same on every machine
    except CheckpointError as error:
        checks["complete"] = CheckResult("fail", str(error))
        if saved.is_adapter:
            checks["exact_merge"] = CheckResult("fail", "not computed: it does not open")
    else:
        other = _other_architecture(model, base) if candidate.of_base else []
        checks["complete"] = (
            CheckResult("fail", f"{candidate.path}: another architecture than the base's: {some(other)}")
            if other
            else CheckResult("pass", "; apart from ".join((_COMPLETE, *notes)))
        )
        if saved.is_adapter:
            checks["exact_merge"] = _check_merge(candidate, base, model)
    checkpoint.require_unchanged()
    progress(1.0, "compared")
    return checks


VERIFY_OPENED = Step(
    "verification", run=check_opened, result=dict[str, CheckResult], resource=MODEL, libraries=LIBRARIES
)


def _other_architecture(model: Any, base: ResolvedBase) -> list[str]:
    """Return each entry of the transformer's configuration that decides an embedding and is not the base's."""
    from transformers import AutoConfig

    config: Any = getattr(getattr(model[0], "model", None), "config", None)
    if config is None:  # of a static model
        return []
    directory, _ = first_module(base.path)
    own = config.to_dict()
    theirs = AutoConfig.from_pretrained(str(directory), local_files_only=True, trust_remote_code=False).to_dict()
    return [
        f"{name} {own.get(name)!r}, the base has {theirs.get(name)!r}"
        for name in sorted(own.keys() | theirs.keys())
        if own.get(name) != theirs.get(name) and not _NO_ARCHITECTURE.search(name)
    ]


def _check_merge(candidate: Candidate, base: ResolvedBase, model: Any) -> CheckResult:
    config, tensors = read_object(candidate.path / ADAPTER_CONFIG), read_tensors(candidate.path / ADAPTER)
    layers = adapted_layers(model[0].model)
    transformer: Any = merge(model).transformers_model
    merged, (stored, _) = transformer.state_dict(), as_opened(read_weights(first_module(base.path)[0]), transformer)
    stored = {name: tensor for name, tensor in stored.items() if name in merged}
    try:
        if config["peft_type"] != COMPUTED:
            largest = require_only_layers(merged, stored, tensors, layers)
            record = candidate.checkpoint(base).read_record()
            return _not_computed(
                config["peft_type"], largest, recorded=record is not None and record.probes is not None
            )
        transposed = {name for name, module in layers.items() if type(module.get_base_layer()).__name__ == "Conv1D"}
        largest = require_exact_merge(merged, stored, tensors, config, transposed)
    except CheckpointError as error:
        return CheckResult("fail", f"{candidate.path}: {error}")
    return CheckResult("pass", f"merged, it is the base plus scaling x B x A: weights change by up to {largest:.2g}")


def _not_computed(method: str, largest: float, *, recorded: bool) -> CheckResult:
    """Return the outcome for a method whose merged weights PEFT alone computes.

    With a record of the training it passes, with a note: that the merged weights are right shows in the embeddings,
    which the gates `record`, `merge_agrees` and `load_paths` compare, and nobody could do more about it; a warning at
    each release would only be switched off. Without a record all of these could agree on the wrong weights, and a
    record can be made: it is inconclusive, and fails with `--strict-verdicts`.
    """
    words = (
        f"not independently computed, since only PEFT knows the formula of {method}; merged, nothing but its layers "
        f"changes, by up to {largest:.2g}"
    )
    if method in BY_PEFT_ALONE:
        words += "; transformers (load_adapter) refuses to open it: use PeftModel, or merge it"
    if recorded:
        return CheckResult("pass", f"{words}; whether it is the trained model is for its record to tell")
    return CheckResult("inconclusive", f"{words}; record its training, with harness.training.record_training")
