"""Names of a transformer's tensors: in a file they may be older ones, or those beside a head that is not opened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def as_opened(
    stored: Mapping[str, torch.Tensor], transformer: Any
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return the stored tensors by their names in an opened transformer, and the rest by the names that they have.

    The names are translated by transformers itself, as it does when it opens the file: older names of an architecture,
    such as `LayerNorm.gamma`, and the part in front (`bert.`) of whatever was saved with a head.
    """
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightRenaming, rename_source_key

    renamings = [entry for entry in get_model_conversion_mapping(transformer) if isinstance(entry, WeightRenaming)]
    # Also what today's models compute themselves and older files hold (position_ids).
    opened = dict(transformer.named_buffers()) | transformer.state_dict()
    prefix = transformer.base_model_prefix
    named: dict[str, torch.Tensor] = {}
    rest: dict[str, torch.Tensor] = {}
    for name, tensor in stored.items():
        new = name if name in opened else rename_source_key(name, renamings, [], prefix, opened)[0]
        if new in opened and new not in named:
            named[new] = tensor
        else:  # a second tensor for one name is left over as well
            rest[name] = tensor
    return named, rest


def of_a_head(names: Iterable[str], transformer: Any) -> list[str]:
    """Return those tensors that belong to no part of a transformer, but to a head that stood beside it."""
    parts = {"base_model", transformer.base_model_prefix, *(part for part, _ in transformer.named_children())}
    return sorted(name for name in names if name.partition(".")[0] not in parts)


def of_pretraining(names: Collection[str], transformer: Any) -> list[str]:
    """Return those tensors of a head that belong to the one with which transformers pre-trains such a transformer.

    No embedding is computed by it, and a model that is opened for embeddings has none: nothing is lost with it. Of any
    other head, as of a classifier, nobody can say so.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForPreTraining

    kinds: tuple[Any, ...] = (AutoModelForPreTraining, AutoModelForMaskedLM, AutoModelForCausalLM)
    found: set[str] = set()
    for kind in kinds:
        if len(found) < len(names):
            with torch.device("meta"), suppress(ValueError):  # without numbers; not every architecture has one
                head = {part for part, _ in kind.from_config(transformer.config).named_children()}
                found |= {name for name in names if name.partition(".")[0] in head}
    return sorted(found)
