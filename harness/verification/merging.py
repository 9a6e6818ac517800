"""The weights of a merged adapter, compared with those that its files give.

Those of LoRA are computed a second time in float64, without PEFT. Source of the formulas: Hu et al. 2021 (LoRA),
Kalajdzievski 2023 (rsLoRA), Liu et al. 2024 (DoRA, section 4); of LoRA on embeddings, biases and trained tokens the
documentation of PEFT.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.errors import CheckpointError
from harness.models.files import PREFIX
from harness.text import some

if TYPE_CHECKING:
    import torch

_EPSILON = 2.0**-23  # of fp32, in which models are merged
_MAGNITUDES = ("lora_magnitude_vector", "lora_magnitude_vector.weight")


def require_exact_merge(
    merged: Mapping[str, torch.Tensor],
    base: Mapping[str, torch.Tensor],
    adapter: Mapping[str, torch.Tensor],
    config: Mapping[str, Any],
    transposed: Collection[str],
) -> float:
    """Compare every weight of a merged model with the one expected from the files of a LoRA adapter.

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
    own = {name: tensor.double() for name, tensor in _by_own_name(adapter).items()}
    wrong, largest = [], 0.0
    for name, tensor in base.items():
        before = tensor.double()
        # A tensor that is saved whole (biases, modules_to_save) takes the place of the base's own.
        expected = own.get(name, before)
        allowed = 0.0 * before
        module, _, parameter = name.rpartition(".")
        layer = _Layer(module, own, config, transposed=module in transposed)
        for (of, marked), formula in _FORMULAS.items():
            if of == parameter and f"{module}.{marked}" in own:
                expected, more = formula(expected, layer)
                allowed = allowed + more
        error = (merged[name].double() - expected).abs()
        if not bool((error <= allowed).all()):
            wrong.append(f"{name} (off by up to {float(error.max()):.2g})")
        largest = max(largest, float((expected - before).abs().max()))
    if wrong:
        raise CheckpointError(
            f"the merged model is not the base plus scaling x B x A, computed from the files in float64: {some(wrong)}"
        )
    return _require_change(largest, "every B x A is zero")


def require_only_layers(
    merged: Mapping[str, torch.Tensor],
    base: Mapping[str, torch.Tensor],
    adapter: Mapping[str, torch.Tensor],
    layers: Collection[str],
) -> float:
    """Compare every weight of a merged model outside of an adapter's layers with the base's, to the bit.

    Returns the largest change of a weight; a CheckpointError where another one changed, or none did.
    """
    untouched = dict(base) | {name: tensor.float() for name, tensor in _by_own_name(adapter).items()}
    wrong = [
        name
        for name in base
        if name.rpartition(".")[0] not in layers and not merged[name].equal(untouched[name].to(merged[name].dtype))
    ]
    if wrong:
        raise CheckpointError(f"merged, weights change that are in none of the adapter's layers: {some(wrong)}")
    largest = max(float((merged[name].double() - tensor.double()).abs().max()) for name, tensor in base.items())
    return _require_change(largest, "its layers are the base's")


def _by_own_name(adapter: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(PREFIX).replace(".base_layer.", "."): tensor for name, tensor in adapter.items()}


def _require_change(largest: float, why: str) -> float:
    if largest == 0:
        raise CheckpointError(f"the adapter changes no weight: {why}. Was it saved before it was trained?")
    return largest


class _Layer(NamedTuple):
    """A module that an adapter changes, with the adapter's tensors and configuration."""

    module: str
    own: Mapping[str, torch.Tensor]
    config: Mapping[str, Any]
    transposed: bool

    def tensor(self, name: str) -> torch.Tensor:
        """Return one of the adapter's tensors for this module."""
        return self.own[f"{self.module}.{name}"]

    @property
    def scaling(self) -> float:
        rank = _of_module(self.config.get("rank_pattern"), self.module, self.config["r"])
        alpha = _of_module(self.config.get("alpha_pattern"), self.module, self.config["lora_alpha"])
        return float(alpha / math.sqrt(rank) if self.config.get("use_rslora") else alpha / rank)


def _linear(weight: torch.Tensor, layer: _Layer) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = layer.tensor("lora_A.weight"), layer.tensor("lora_B.weight")
    return _transposed(weight, a, b, layer) if layer.transposed else _updated(weight, a, b, layer)


def _embedding(weight: torch.Tensor, layer: _Layer) -> tuple[torch.Tensor, torch.Tensor]:
    """Return an embedding's weight, which has a row a token where a linear layer has a column an input."""
    return _transposed(weight, layer.tensor("lora_embedding_A"), layer.tensor("lora_embedding_B"), layer)


def _transposed(
    before: torch.Tensor, a: torch.Tensor, b: torch.Tensor, layer: _Layer
) -> tuple[torch.Tensor, torch.Tensor]:
    after, allowed = _updated(before.T, a, b, layer)
    return after.T, allowed.T


def _updated(
    before: torch.Tensor, a: torch.Tensor, b: torch.Tensor, layer: _Layer
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `before + scaling * b @ a`, and the most that rounding in fp32 may change it."""
    change = layer.scaling * (b @ a)
    after = before + change
    # A sum of n products is off by at most n roundings of the sum of their sizes; twice that is allowed.
    rank = a.shape[0]
    allowed = 2 * _EPSILON * ((rank + 2) * layer.scaling * (b.abs() @ a.abs()) + before.abs() + change.abs())
    names = (f"{layer.module}.{name}" for name in _MAGNITUDES)
    magnitude = next((layer.own[name] for name in names if name in layer.own), None)
    if magnitude is not None:  # DoRA: each output's row gets this length
        factor = (magnitude / after.norm(dim=1)).unsqueeze(1)
        after = factor * after
        allowed = factor.abs() * allowed + 2 * (after.shape[1] + 8) * _EPSILON * after.abs()
    return after, allowed


def _bias(bias: torch.Tensor, layer: _Layer) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the bias of a layer whose B has one too (`lora_bias`)."""
    change = layer.scaling * layer.tensor("lora_B.bias")
    return bias + change, 2 * _EPSILON * (bias.abs() + 2 * change.abs())


def _tokens(weight: torch.Tensor, layer: _Layer) -> tuple[torch.Tensor, torch.Tensor]:
    """Return an embedding's weight with the rows that were trained whole; the file holds them in this order."""
    rows = layer.config["trainable_token_indices"]
    if isinstance(rows, Mapping):
        rows = next(value for key, value in rows.items() if f".{layer.module}".endswith(f".{key}"))
    after = weight.clone()
    after[list(rows)] = layer.tensor("token_adapter.trainable_tokens_delta")
    return after, 0.0 * weight


_FORMULAS: Mapping[tuple[str, str], Callable[[torch.Tensor, _Layer], tuple[torch.Tensor, torch.Tensor]]] = {
    ("weight", "lora_A.weight"): _linear,
    ("weight", "lora_embedding_A"): _embedding,
    ("bias", "lora_B.bias"): _bias,
    ("weight", "token_adapter.trainable_tokens_delta"): _tokens,
}
"""Parameter of a module, and the adapter's tensor that changes it -> function that returns it changed."""


def _of_module(pattern: Mapping[str, Any] | None, module: str, default: Any) -> Any:
    """Return the first entry whose key, a regular expression, is the module's name or its end, as PEFT documents it."""
    return next((v for key, v in (pattern or {}).items() if re.fullmatch(rf"(.*\.)?({key})", module)), default)
