"""Real models that got worse: between a trained model and its base, weight by weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models import Checkpoint, open_checkpoint
from harness.models.encoding import embed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray


def forget(
    checkpoint: Checkpoint, texts: Sequence[str], shares: Sequence[float]
) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Embeddings of texts by a model that forgot a share of what it was taught.

    A share w of the way back to the base is taken in every weight: `trained + w (base - trained)`; of an adapter, it is
    its merged weights. Nothing here knows of scores: what it does to a metric is found out by measuring.

    Args:
        checkpoint: The trained model.
        texts: Distinct texts.
        shares: From 0, the trained model, to 1, the base.

    Yields:
        Each share with its embeddings, shape `(n_texts, dimension)`.
    """
    import torch

    base = open_checkpoint(Checkpoint("base", checkpoint.base, checkpoint.base.path)).state_dict()
    model = open_checkpoint(checkpoint)
    trained = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for share in shares:
        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                tensor.copy_(torch.lerp(trained[name], base[name], share) if tensor.is_floating_point() else base[name])
        yield share, embed(model, texts)
