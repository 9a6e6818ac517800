"""Comparison of tensors in memory with those of the files: nothing is missing, left over or changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import CheckpointError
from harness.models.files import WEIGHTS, module_directories, read_weights
from harness.text import some

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer


def require_same_tensors(
    opened: Mapping[str, torch.Tensor],
    stored: Mapping[str, torch.Tensor],
    path: Path,
    computed: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Raise unless the tensors in memory are those of the file, which may also hold those that are `computed`."""
    loaded = {**(computed or {}), **opened}
    missing = missing_of(opened, stored)
    unexpected = sorted(set(stored) - set(loaded))
    misfits = [f"missing {some(missing)} (they would be random)"] if missing else []
    misfits += [f"unexpected {some(unexpected)}"] if unexpected else []
    if misfits:
        raise CheckpointError(
            f"{path}: the weights do not fit the model: {'; '.join(misfits)}. "
            f"Was it saved while wrapped by PEFT, or for another architecture?"
        )
    changed = [
        name
        for name, tensor in stored.items()
        if loaded[name].shape != tensor.shape or not loaded[name].cpu().equal(tensor.to(loaded[name].dtype))
    ]
    if changed:
        raise CheckpointError(f"{path}: the opened model does not hold the stored values of {some(sorted(changed))}")


def require_no_head(names: Sequence[str], path: Path) -> None:
    """Raise if a file holds tensors of a head, by these names."""
    if names:
        raise CheckpointError(
            f"{path}: {some(names)}: of a head that is not restored: a model of embeddings has no such part. "
            f"Was it trained for another task, as a classifier?"
        )


def require_same_modules(model: SentenceTransformer, path: Path) -> None:
    """Raise unless what lies beside an adapter, such as a trained Dense layer, is what its base has: that is opened."""
    for index, directory in enumerate(module_directories(path)):
        if index > 0 and (directory / WEIGHTS).is_file():
            opened = model[index].state_dict() if index < len(model) else {}
            require_same_tensors(opened, read_weights(directory), directory)


def missing_of(opened: Mapping[str, torch.Tensor], stored: Mapping[str, torch.Tensor]) -> list[str]:
    """Return the tensors in memory that are not in the file; tied weights have several names there, and one here."""
    held = {tensor.data_ptr() for name, tensor in opened.items() if name in stored}
    return sorted(name for name in set(opened) - set(stored) if opened[name].data_ptr() not in held)
