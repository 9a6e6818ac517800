"""Weights on which no embedding depends: they may be missing in a file, since whatever stands there is never read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.models.record import PROBE_TEXTS

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer


def are_unused(model: SentenceTransformer, tensors: Mapping[str, torch.Tensor]) -> bool:
    """Return whether the probe texts have the same embeddings, to the bit, whatever some of a model's tensors hold.

    They are drawn at random twice, in place, and stay so. What one text of many needs (an expert of a mixture) may go
    unnoticed where that is a tensor of its own; what every text needs does not.
    """
    if not all(tensor.is_floating_point() for tensor in tensors.values()):
        return False
    return np.array_equal(_embeddings_with(model, tensors, seed=1), _embeddings_with(model, tensors, seed=2))


def _embeddings_with(
    model: SentenceTransformer, tensors: Mapping[str, torch.Tensor], *, seed: int
) -> NDArray[np.float32]:
    import torch

    generator = torch.Generator().manual_seed(seed)
    for tensor in tensors.values():
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
    return model.eval().encode(list(PROBE_TEXTS), show_progress_bar=False, convert_to_numpy=True)
