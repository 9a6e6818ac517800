"""Recipes: how a model of a case is trained."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.config.fields import Frozen, Widths, one_of, refuse, shown

LOSSES = {
    "cosine_similarity": "CosineSimilarityLoss",
    "contrastive": "ContrastiveLoss",
    "online_contrastive": "OnlineContrastiveLoss",
    "cosent": "CoSENTLoss",
    "angle": "AnglELoss",
}
"""Loss in a recipe -> class in `sentence_transformers.sentence_transformer.losses` that takes two texts and a label."""

GRADED_LOSSES = ("cosine_similarity", "cosent", "angle")
"""Losses that learn from graded similarity, where the pairs have it; the others take their labels."""


ALL_LINEAR = "all-linear"
"""Target of every linear layer of the transformer."""

_LONGEST_TARGET = 200  # characters


class LoraSpec(Frozen):
    """The shape of a LoRA adapter."""

    rank: int = Field(default=8, ge=1)
    """Rank of the update of each targeted weight."""
    alpha: int = Field(default=16, ge=1)
    """Scale of the update, over `rank`."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the adapter's inputs that are dropped in training."""
    target_modules: list[str] | str | None = None
    """Ends of module names, a regular expression, or "all-linear", as in PEFT; by default PEFT's for the base."""
    use_rslora: bool = False
    """Scale the update by alpha / sqrt(rank) instead of alpha / rank."""

    @field_validator("target_modules", mode="before")
    @classmethod
    def _targets(cls, targets: Any) -> Any:
        names = targets if isinstance(targets, list) else [targets]
        if targets is not None and not (names and all(map(_is_target, names))):
            expected = f"expected a list of names, or one text, of at most {_LONGEST_TARGET} characters"
            refuse([((), f"{expected}; got {shown(targets)}")])
        return targets


class Recipe(Frozen):
    """Strategy, loss and hyperparameters of a training."""

    strategy: Literal["full", "lora"]
    """`full` trains every weight, `lora` an adapter."""
    loss: Annotated[str, one_of(LOSSES)] = "cosine_similarity"
    """The function that is minimized."""
    epochs: int = Field(ge=1)
    """Passes over the training pairs."""
    batch_size: int = Field(default=16, ge=1)
    """Pairs in a step."""
    learning_rate: float = Field(gt=0)
    """Peak of the linear schedule."""
    warmup_steps: int = Field(default=100, ge=0)
    """Steps up to the peak; fewer than there are in all."""
    seed: int = Field(default=42, ge=0, lt=2**32)
    """Order of the data, dropout and the adapter's first weights."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """`auto` is bf16 autocast where the device has it in hardware, else fp32."""
    optimizer: Literal["adamw_torch_fused", "adamw_torch"] = "adamw_torch_fused"
    """As `transformers` names it."""
    matryoshka: Widths | None = None
    """Widths to which the embeddings can be cut: the loss is taken at each of them (MatryoshkaLoss)."""
    lora: LoraSpec | None = None
    """The adapter, of the strategy `lora` only; all its keys have defaults."""

    def changed(self, **changes: Any) -> Recipe:
        """Return the recipe with some keys changed, validated as if it stood in a case file.

        A table is merged: `lora={"rank": 4}` keeps the rest of the adapter.

        Raises:
            CaseError: One line for each change that a case file could not state.
        """
        content = self.model_dump()
        for key, value in changes.items():
            merges = isinstance(value, dict) and isinstance(content.get(key), dict)
            content[key] = {**content[key], **value} if merges else value
        return Recipe.validated(content, where="recipe")

    @model_validator(mode="before")
    @classmethod
    def _adapter(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("strategy") == "lora" and content.get("lora") is None:
            return {**content, "lora": {}}
        return content

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.strategy != "lora" and self.lora is not None:
            refuse([((), f"a lora table is given, but the strategy is {self.strategy!r}")])
        return self


def _is_target(name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name) <= _LONGEST_TARGET
