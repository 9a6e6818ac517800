"""Recipes: how a model of a case is trained."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.config.fields import Frozen, Widths, one_of, refuse, shown
from harness.config.losses import LOSSES

ALL_LINEAR = "all-linear"
"""Target of every linear layer of the transformer."""

_LONGEST_TARGET = 200  # characters

_OF_QUERIES = ("ranking", "triplets", "margins")
"""Kinds of examples with negatives of a query."""


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
    use_dora: bool = False
    """Train the length of each weight's columns apart from their direction (DoRA)."""

    @field_validator("target_modules", mode="before")
    @classmethod
    def _targets(cls, targets: Any) -> Any:
        names = targets if isinstance(targets, list) else [targets]
        if targets is not None and not (names and all(map(_is_target, names))):
            expected = f"expected a list of names, or one text, of at most {_LONGEST_TARGET} characters"
            refuse([((), f"{expected}; got {shown(targets)}")])
        return targets


class HardNegatives(Frozen):
    """Negatives that the base finds close to a query, as `mine_hard_negatives` of sentence-transformers takes them."""

    range_min: int = Field(default=0, ge=0)
    """Leave out so many of the closest texts: they may go with the query, and no one said so."""
    range_max: int = Field(default=50, ge=1)
    """Take them from so many of the closest texts."""
    max_score: float | None = Field(default=None, ge=-1, le=1)
    """Greatest cosine to the query."""
    relative_margin: float | None = Field(default=0.05, ge=0, le=1)
    """Leave out texts that are closer to the query than its positive's cosine less this part of it."""
    absolute_margin: float | None = Field(default=None, ge=0, le=2)
    """Leave out texts whose cosine is not at least so much below the positive's."""

    @model_validator(mode="after")
    def _a_range(self) -> Self:
        if self.range_min >= self.range_max:
            refuse(
                [((), f"range_min is {self.range_min} and range_max {self.range_max}; expected the first to be less")]
            )
        return self


class Recipe(Frozen):
    """Strategy, loss and hyperparameters of a training."""

    strategy: Literal["full", "lora", "head"]
    """`full` trains every weight, `lora` an adapter, `head` a linear layer behind the pooling of the frozen base."""
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
    negatives: int = Field(default=0, ge=0, le=32)
    """Negatives beside each positive, for losses that learn from queries; 0: none, or every one (triplets, margins)."""
    hard_negatives: HardNegatives | None = None
    """Mine the `negatives` among all second texts, instead of those that the pairs with label 0 give."""
    teacher: str | None = None
    """A key of the case's `[teachers]`: its scores take the place of the grades (distillation)."""
    weight_decay: float = Field(default=0.0, ge=0, lt=1)
    """Of AdamW: each step takes the learning rate times this part of every weight away."""
    l2_to_base: float = Field(default=0.0, ge=0)
    """Weight in the loss of the squared distance of all trained weights from the base's (L2-SP)."""
    replay: bool = False
    """Learn from the pairs of `data.replay` as well, so that less of what the base knows is forgotten."""
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
        kind = LOSSES[self.loss].examples
        if self.negatives and kind not in _OF_QUERIES:
            fitting = _names(*_OF_QUERIES)
            refuse([(("negatives",), f"the loss {self.loss} learns from pairs; expected one of {fitting}")])
        if self.hard_negatives is not None and not self.negatives:
            refuse([(("hard_negatives",), "expected how many to take in `negatives`; got 0")])
        if self.hard_negatives is not None and kind == "margins" and self.teacher is None:
            refuse([(("hard_negatives",), f"{self.loss} needs grades, and mined pairs have none; expected a teacher")])
        if self.teacher is not None and kind not in ("graded", "margins"):
            fitting = _names("graded", "margins")
            refuse([(("teacher",), f"the loss {self.loss} takes no grades; expected one of {fitting}")])
        if self.l2_to_base and self.strategy != "full":
            wanted = "expected the strategy full, whose weights are the base's"
            refuse([(("l2_to_base",), f"{wanted}; got {self.strategy}")])
        return self


def _names(*examples: str) -> str:
    return ", ".join(name for name, loss in LOSSES.items() if loss.examples in examples)


def _is_target(name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name) <= _LONGEST_TARGET
