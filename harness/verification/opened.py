"""Checks `complete` and `exact_merge`: opened, a candidate is what its files say.

The expected weights of a merged adapter are computed from its files in float64, without PEFT. Source of the formulas:
Hu et al. 2021 (LoRA), Kalajdzievski 2023 (rsLoRA), Liu et al. 2024 (DoRA, section 4).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from harness.errors import CheckpointError
from harness.execution.step import MODEL, Progress, Step
from harness.models.encoding import LIBRARIES
from harness.models.files import ADAPTER, ADAPTER_CONFIG, PREFIX, first_module, read_object, read_tensors, read_weights
from harness.models.loading import SAVED, merge
from harness.models.names import as_opened
from harness.models.sources import ResolvedBase
from harness.text import some
from harness.verification.candidate import Candidate, CheckResult

if TYPE_CHECKING:
    import torch

_EPSILON = 2.0**-23  # of fp32, in which models are merged
# Who wrote the file, in which type, for which task, and what counts in training only.
_NO_ARCHITECTURE = re.compile(
    r"^(_|transformers_version$|architectures$|(torch_)?dtype$|use_cache$|id2label$|label2id$|problem_type$|output_|"
    r"return_dict$|finetuning_task$|initializer_)|_token_id$|dropout|gradient_checkpointing"
)
_COMPLETE = "every tensor of its files is in the opened model, and nothing else is"
_MAGNITUDES = ("lora_magnitude_vector", "lora_magnitude_vector.weight")


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
    adapted: Any = model[0].model
    transposed = {
        name.removeprefix(PREFIX)
        for name, module in adapted.named_modules()
        if hasattr(module, "base_layer") and type(module.base_layer).__name__ == "Conv1D"
    }
    transformer: Any = merge(model).transformers_model
    merged, (stored, _) = transformer.state_dict(), as_opened(read_weights(first_module(base.path)[0]), transformer)
    try:
        largest = require_exact_merge(
            merged,
            {name: tensor for name, tensor in stored.items() if name in merged},
            read_tensors(candidate.path / ADAPTER),
            read_object(candidate.path / ADAPTER_CONFIG),
            transposed,
        )
    except CheckpointError as error:
        return CheckResult("fail", f"{candidate.path}: {error}")
    return CheckResult("pass", f"merged, it is the base plus scaling x B x A: weights change by up to {largest:.2g}")


def require_exact_merge(
    merged: Mapping[str, torch.Tensor],
    base: Mapping[str, torch.Tensor],
    adapter: Mapping[str, torch.Tensor],
    config: Mapping[str, Any],
    transposed: Collection[str],
) -> float:
    """Compare every weight of a merged model with the one expected from the files.

    Args:
        merged: Parameters of the merged model, fp32.
        base: Parameters of the base, of the same names.
        adapter: Tensors of the adapter's file.
        config: The adapter's configuration.
        transposed: Modules that keep their weight as (inputs, outputs), as transformers' Conv1D does.

    Returns:
        The largest change of a weight, in its own unit.

    Raises:
        CheckpointError: A weight is not what it must be, beyond the rounding of fp32; or none of them changes.
    """
    own = {name.removeprefix(PREFIX): tensor.double() for name, tensor in adapter.items()}
    layers = {name.removesuffix(".lora_A.weight") for name in own if name.endswith(".lora_A.weight")}
    # A tensor that is saved whole (biases, modules_to_save) takes the place of the base's own.
    replaced = {name.replace(".base_layer.", "."): value for name, value in own.items() if ".lora_" not in name}
    wrong, largest = [], 0.0
    for name, tensor in base.items():
        before, module = tensor.double(), name.removesuffix(".weight")
        expected, allowed = replaced.get(name, before), 0.0 * before
        if module in layers and name.endswith(".weight"):
            expected, allowed = _adapted(before, module, own, config, transposed=module in transposed)
        error = (merged[name].double() - expected).abs()
        if not bool((error <= allowed).all()):
            wrong.append(f"{name} (off by up to {float(error.max()):.2g})")
        largest = max(largest, float((expected - before).abs().max()))
    if wrong:
        raise CheckpointError(
            f"the merged model is not the base plus scaling x B x A, computed from the files in float64: {some(wrong)}"
        )
    if largest == 0:
        raise CheckpointError("the adapter changes no weight: every B x A is zero. Was it saved before it was trained?")
    return largest


def _adapted(
    weight: torch.Tensor, module: str, own: Mapping[str, torch.Tensor], config: Mapping[str, Any], *, transposed: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return one adapted weight, and the most that rounding in fp32 may change it."""
    a, b = own[f"{module}.lora_A.weight"], own[f"{module}.lora_B.weight"]
    scaling = _scaling(module, config)
    before = weight.T if transposed else weight
    change = scaling * (b @ a)
    after = before + change
    # A sum of n products is off by at most n roundings of the sum of their sizes; twice that is allowed.
    rank = a.shape[0]
    allowed = 2 * _EPSILON * ((rank + 2) * scaling * (b.abs() @ a.abs()) + before.abs() + change.abs())
    magnitude = next((own[f"{module}.{name}"] for name in _MAGNITUDES if f"{module}.{name}" in own), None)
    if magnitude is not None:  # DoRA: each output's row gets this length
        factor = (magnitude / after.norm(dim=1)).unsqueeze(1)
        after = factor * after
        allowed = factor.abs() * allowed + 2 * (after.shape[1] + 8) * _EPSILON * after.abs()
    return (after.T, allowed.T) if transposed else (after, allowed)


def _scaling(module: str, config: Mapping[str, Any]) -> float:
    rank = _of_module(config.get("rank_pattern"), module, config["r"])
    alpha = _of_module(config.get("alpha_pattern"), module, config["lora_alpha"])
    return float(alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank)


def _of_module(pattern: Mapping[str, Any] | None, module: str, default: Any) -> Any:
    """Return the first entry whose key, a regular expression, is the module's name or its end, as PEFT documents it."""
    return next((v for key, v in (pattern or {}).items() if re.fullmatch(rf"(.*\.)?({key})", module)), default)
