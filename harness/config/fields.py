"""The parts that the tables of a case file are made of."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

Location = tuple[str | int, ...]
"""Keys and list indices that lead to a value."""


class Frozen(BaseModel):
    """A strict, frozen table without unknown keys: a typing error in a case must not go by silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        key: Where, from the validated value on.
        expected: What is wrong, or was expected.
        came: The value, where showing it helps.
    """

    key: Location
    expected: str
    came: object = None


def refuse(problems: Iterable[Problem]) -> None:
    """Raise all problems, if any, as one pydantic error: those of other tables are then shown beside them."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError("problem", "{expected}", {"expected": problem.expected}),
            loc=problem.key,
            input=problem.came,
        )
        for problem in problems
    ]
    if details:
        raise ValidationError.from_exception_data("table", details)


@dataclass(frozen=True)
class OneOf:
    """Metadata of a text that must be a key of a table of the harness."""

    known: Collection[str]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "enum": list(self.known)}

    def _check(self, value: str) -> str:
        if value not in self.known:
            refuse([Problem((), f"expected one of {', '.join(self.known)}", value)])
        return value


@dataclass(frozen=True)
class Row:
    """A number that a case may state, named by a row of a table of the harness.

    Attributes:
        default: Where the case does not state it.
        meaning: For the documentation.
        low: Least possible.
        high: Greatest possible.
    """

    default: float
    meaning: str
    low: float = 0.0
    high: float = math.inf


@dataclass(frozen=True)
class Rows:
    """Metadata of a table of numbers, `dict[str, float]`: completed by the defaults, in their order."""

    rows: Mapping[str, Row]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._complete)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        properties = {
            name: {"type": "number", "default": row.default, "description": row.meaning, "minimum": row.low}
            | ({"maximum": row.high} if math.isfinite(row.high) else {})
            for name, row in self.rows.items()
        }
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def _complete(self, stated: Any) -> dict[str, float]:
        if not isinstance(stated, dict):
            refuse([Problem((), "expected a table", stated)])
        refuse(self._problems(stated))
        completed: dict[str, float] = {name: row.default for name, row in self.rows.items()} | stated
        return completed

    def _problems(self, stated: Mapping[str, Any]) -> Iterator[Problem]:
        for name, value in stated.items():
            row = self.rows.get(name)
            if row is None:
                yield Problem((name,), f"unknown key; expected one of {', '.join(self.rows)}")
            elif not (type(value) in (int, float) and math.isfinite(value) and row.low <= value <= row.high):
                most = f" and at most {row.high:g}" if math.isfinite(row.high) else ""
                yield Problem((name,), f"expected a number, at least {row.low:g}{most}", value)
