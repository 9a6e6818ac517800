"""Training strategies: the parts of a model that are trained. How a trained one is opened is `models.loading.SAVED`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sentence_transformers import SentenceTransformer

    from harness.config import Recipe


def _every_weight(model: SentenceTransformer, _recipe: Recipe) -> SentenceTransformer:
    return model


def _lora_adapter(model: SentenceTransformer, recipe: Recipe) -> SentenceTransformer:
    from peft import LoraConfig

    assert recipe.lora is not None  # noqa: S101 - Recipe does not validate otherwise
    model.add_adapter(
        LoraConfig(
            r=recipe.lora.rank,
            lora_alpha=recipe.lora.alpha,
            lora_dropout=recipe.lora.dropout,
            target_modules=recipe.lora.target_modules,
            use_rslora=recipe.lora.use_rslora,
        )
    )
    return model


STRATEGIES: Mapping[str, Callable[[SentenceTransformer, Recipe], SentenceTransformer]] = {
    "full": _every_weight,
    "lora": _lora_adapter,
}
"""Strategy -> function that prepares the opened base for training by a recipe."""
