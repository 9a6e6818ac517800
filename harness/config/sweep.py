"""The table `[sweep]` of a case: the recipes among which `embedding-harness sweep` looks for a better one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, field_validator, model_validator

from harness.config.fields import Frozen, refuse, shown
from harness.config.recipe import LoraSpec, Recipe

_FIXED = ("strategy", "seed", "lora")
"""Keys of a recipe that no sweep varies: a seed that is chosen for its value is no recipe."""

KEYS = tuple(
    sorted({*Recipe.model_fields} - {*_FIXED}) + [f"lora.{name}" for name in LoraSpec.model_fields],
)
"""The keys of a space."""


class Span(Frozen):
    """The numbers between two ends: whole ones where both ends are."""

    low: int | float
    """Least value."""
    high: int | float
    """Greatest value."""
    log: bool = False
    """Draw from the logarithm, as of a learning rate."""

    @model_validator(mode="after")
    def _a_span(self) -> Self:
        if self.low >= self.high:
            refuse([((), f"low is {self.low} and high {self.high}; expected the first to be less")])
        if self.log and self.low <= 0:
            refuse([(("low",), f"expected more than 0 where log is true; got {self.low}")])
        return self


def _values(value: Any) -> Span | list[Any]:
    if isinstance(value, dict):
        return Span.model_validate(value)
    texts = [json.dumps(choice, default=str) for choice in value] if isinstance(value, list) else []
    if not texts or len(set(texts)) < len(texts):
        refuse([((), f"expected a list of different values, or {{ low, high, log }}; got {shown(value)}")])
    return list(value)


Values = Annotated[Span | list[Any], PlainValidator(_values, json_schema_input_type=Span | list[Any])]
Objective = Literal["quality", "size", "seconds"]


class SweepSpec(Frozen):
    """The space of a sweep, and how it is searched."""

    model: str
    """The model whose recipe is varied; what the space does not name stays as it is."""
    space: dict[str, Values] = Field(min_length=1)
    """Key of a recipe, such as `learning_rate` or `lora.rank` -> list of choices, or { low, high, log }."""
    sampler: Literal["tpe", "grid"] = "tpe"
    """`tpe` asks where good trials were (Optuna's TPESampler); `grid` tries each combination of lists."""
    objectives: list[Objective] = Field(default=["quality"], min_length=1)
    """Objectives of `tpe`: Spearman's correlation of the dev pairs, MB that ship, seconds of the training."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Of the sampler."""

    @field_validator("space", mode="before")
    @classmethod
    def _flat(cls, space: Any) -> Any:
        """Take `lora.rank`, which TOML reads as a table in a table, as one key."""
        if not isinstance(space, dict) or not isinstance(space.get("lora"), dict):
            return space
        adapter = {f"lora.{name}": values for name, values in space["lora"].items()}
        return {**{key: values for key, values in space.items() if key != "lora"}, **adapter}

    @field_validator("space")
    @classmethod
    def _known(cls, space: dict[str, Any]) -> dict[str, Any]:
        refuse(
            [
                ((key,), f"no key that a sweep varies; expected one of {', '.join(KEYS)}")
                for key in space
                if key not in KEYS
            ]
        )
        return space

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        if len(set(self.objectives)) < len(self.objectives):
            refuse([(("objectives",), f"expected each once; got {shown(self.objectives)}")])
        spans = [key for key, values in self.space.items() if isinstance(values, Span)]
        if self.sampler == "grid" and spans:
            refuse([(("space", spans[0]), "a grid takes a list of choices; got low and high")])
        return self

    @property
    def corners(self) -> dict[str, list[Any]]:
        """Each key with its choices, or with both ends of its span."""
        return {
            key: [values.low, values.high] if isinstance(values, Span) else values for key, values in self.space.items()
        }

    @property
    def combinations(self) -> int:
        """Number of combinations of `corners`: of a grid, the number of its trials."""
        return math.prod(map(len, self.corners.values()))


def changes_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by the keys of a space as changes of a recipe.

    Example:
        >>> changes_of({"epochs": 2, "lora.rank": 4})
        {'epochs': 2, 'lora': {'rank': 4}}
    """
    adapter = {key.removeprefix("lora."): value for key, value in values.items() if key.startswith("lora.")}
    plain = {key: value for key, value in values.items() if not key.startswith("lora.")}
    return plain | ({"lora": adapter} if adapter else {})


def recipe_toml(name: str, recipe: Recipe) -> str:
    """Return the tables of a case file that state a recipe: what is read from them equals it."""
    return _table(f"models.{name}", recipe.model_dump(mode="json", exclude_none=True))


def _table(name: str, content: Mapping[str, Any]) -> str:
    inner = {key: value for key, value in content.items() if isinstance(value, dict)}
    # JSON's texts, numbers, lists, true and false are TOML's as well.
    lines = [f"{key} = {json.dumps(value)}" for key, value in content.items() if key not in inner]
    tables = [_table(f"{name}.{key}", value) for key, value in inner.items()]
    return "\n".join([f"[{name}]", *lines, *(f"\n{table}" for table in tables)])
