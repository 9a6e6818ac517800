"""Strategies: which weights of a base are trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from harness.config.recipe import Recipe
from harness.errors import CheckpointError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def _lora_adapter(model: SentenceTransformer, recipe: Recipe) -> SentenceTransformer:
    from peft import LoraConfig

    assert recipe.lora is not None  # noqa: S101 - Recipe does not validate otherwise
    config = LoraConfig(
        r=recipe.lora.rank,
        lora_alpha=recipe.lora.alpha,
        lora_dropout=recipe.lora.dropout,
        target_modules=recipe.lora.target_modules,
        use_rslora=recipe.lora.use_rslora,
        use_dora=recipe.lora.use_dora,
    )
    # PEFT saves the transformer's adapter alone, and whoever opens it puts it on the base: with the base's head.
    model.requires_grad_(requires_grad=False)
    try:
        model.add_adapter(config)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"lora.target_modules: the base takes no such adapter: {error}") from None
    return model


def _head(model: SentenceTransformer, _: Recipe) -> SentenceTransformer:
    """Put a linear layer behind the pooling that at first changes nothing, and freeze all else."""
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling

    model.requires_grad_(requires_grad=False)
    modules = list(model)
    width = int(model.get_embedding_dimension() or 0)
    place = next((at + 1 for at, module in enumerate(modules) if isinstance(module, Pooling)), 1)
    layer = Dense(width, width, bias=False, activation_function=torch.nn.Identity(), init_weight=torch.eye(width))
    headed = type(model)(modules=[*modules[:place], layer.to(model.device), *modules[place:]], device=str(model.device))
    headed.prompts = model.prompts
    return headed


STRATEGIES: Mapping[str, Callable[[SentenceTransformer, Recipe], SentenceTransformer]] = {
    "full": lambda model, _: model,  # every weight
    "lora": _lora_adapter,
    "head": _head,
}
"""Strategy -> function that prepares the opened base for training. How it is opened later: `models.loading.SAVED`."""
