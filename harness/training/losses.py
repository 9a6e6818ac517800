"""The loss of a recipe: sentence-transformers' own, at each width, and with what holds the weights to the base."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.config.losses import LOSSES
from harness.errors import CheckpointError
from harness.training.packing import in_one_forward

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

    from harness.config.recipe import Recipe


def training_loss(recipe: Recipe, model: SentenceTransformer, *, one_forward: bool) -> torch.nn.Module:
    """Return the loss of a recipe, which embeds all columns of a batch in one forward where that is cheaper.

    Raises:
        CheckpointError: The recipe has a width that the base does not have.
    """
    from sentence_transformers.sentence_transformer import losses

    row = LOSSES[recipe.loss]
    options = _OPTIONS[recipe.loss]() if recipe.loss in _OPTIONS else {}
    loss: torch.nn.Module = getattr(losses, row.class_name)(model, **options)
    if one_forward and hasattr(loss, "compute_loss_from_embeddings"):  # a cached one embeds in small batches itself
        loss = in_one_forward(loss)
    if recipe.matryoshka is not None:
        widest, full = recipe.matryoshka[0], model.get_embedding_dimension()
        if full is not None and widest > full:
            raise CheckpointError(f"matryoshka: got {widest}, expected at most the {full} dimensions of the base")
        loss = losses.MatryoshkaLoss(model, loss, recipe.matryoshka)
    return _held_to_base(loss, model, recipe.l2_to_base) if recipe.l2_to_base else loss


def _cosine_triplets() -> dict[str, Any]:
    from sentence_transformers.sentence_transformer.losses import TripletDistanceMetric

    # The default, a Euclidean margin of 5, is out of reach of normalised embeddings: their distance is at most 2.
    return {"distance_metric": TripletDistanceMetric.COSINE, "triplet_margin": 0.2}


def _cosine_margins() -> dict[str, Any]:
    from sentence_transformers.util import pairwise_cos_sim

    return {"similarity_fct": pairwise_cos_sim}  # the default, a dot product, is unbounded where grades are not


_OPTIONS: Mapping[str, Callable[[], dict[str, Any]]] = {"triplet": _cosine_triplets, "margin_mse": _cosine_margins}
"""Loss -> function of its arguments, where its defaults do not fit what is measured here: the cosine."""


def _held_to_base(loss: torch.nn.Module, model: torch.nn.Module, weight: float) -> torch.nn.Module:
    """Return a loss that grows with the squared distance of the trained weights from what they are now."""
    import torch

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    before = [parameter.detach().clone() for parameter in trained]

    class HeldToBase(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.loss = loss

        def forward(self, features: Iterable[dict[str, Any]], labels: torch.Tensor) -> torch.Tensor:
            moved = sum((now - then).square().sum() for now, then in zip(trained, before, strict=True))
            value: torch.Tensor = self.loss(features, labels) + weight * moved
            return value

    return HeldToBase()
