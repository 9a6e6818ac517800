"""The base of every table of a case file: strict, and a wrong value is said in one line."""

import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetPydanticSchema, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema

from harness.errors import CaseError

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Problem = tuple[tuple[str | int, ...], str]
"""The keys and list indices that lead from a table to a value, and what is wrong with it."""

_RENAMED = {"more": "extra", "shares": "relative_performance", "of": "reference", "share": "at_least"}
"""Key that case files had -> its name today."""


class Frozen(BaseModel):
    """A strict, frozen table without unknown keys: a typing error in a case must not go by silently."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @classmethod
    def validated(cls, content: object, *, where: str, context: object = None) -> Self:
        """Validate the content of the table.

        Args:
            content: As it was read.
            where: What the content is, in front of each line of the message: a file, say.
            context: For the validators of the table.

        Raises:
            CaseError: One line for each thing that is wrong, in whichever part: the key, what was expected, what came.
        """
        try:
            return cls.model_validate(content, context=context)
        except ValidationError as error:
            places = [(where, *filter(None, [".".join(map(str, one["loc"])), one["msg"]])) for one in error.errors()]
            raise CaseError("\n".join(map(": ".join, places))) from None

    @model_validator(mode="wrap")
    @classmethod
    def _in_words(cls, content: Any, handler: Callable[[Any], Self]) -> Self:
        try:
            return handler(content)
        except ValidationError as error:
            errors = error.errors()
            old = {e["loc"][-1] for e in errors if e["type"] == "extra_forbidden"}
            said = {new for key, new in _RENAMED.items() if key in old}  # the old name is there: not missing as well
            refuse([(e["loc"], cls._words(e)) for e in errors if e["type"] != "missing" or e["loc"][-1] not in said])
            raise

    @classmethod
    def _words(cls, error: ErrorDetails) -> str:
        match error["type"]:
            case "problem":  # in words already
                return error["msg"]
            case "missing":
                return "missing"
            case "extra_forbidden":
                new = _RENAMED.get(str(error["loc"][-1]))
                renamed, known = f"it is now called {new}", f"expected one of {', '.join(cls.model_fields)}"
                return f"unknown key; {renamed if new in cls.model_fields else known}"
            case "model_type" | "dict_type":
                return f"expected a table; got {shown(error['input'])}"
        return f"{error['msg'][0].lower()}{error['msg'][1:]}; got {shown(error['input'])}"


def _falling(widths: list[int]) -> list[int]:
    if not widths or min(widths) < 1 or widths != sorted(set(widths), reverse=True):
        words = f"expected positive numbers of dimensions, the greatest first; got {shown(widths)}"
        raise PydanticCustomError("problem", "{words}", {"words": words})
    return widths


Widths = Annotated[list[int], AfterValidator(_falling)]
"""Numbers of dimensions, falling."""


def table() -> Any:
    """Return the field of a table that has a default for each of its keys, or names those that have none as missing."""
    return Field(default_factory=dict, validate_default=True)


def one_of(names: Iterable[str]) -> GetPydanticSchema:
    """Return the metadata of a text that must be one of some names."""
    known = list(names)
    return GetPydanticSchema(lambda *_: core_schema.literal_schema(known))


def refuse(problems: list[Problem]) -> None:
    """Raise all problems, if any, as one pydantic error: those of other tables are then shown beside them."""
    if problems:
        details = [
            InitErrorDetails(type=PydanticCustomError("problem", "{words}", {"words": words}), loc=key, input=None)
            for key, words in problems
        ]
        raise ValidationError.from_exception_data("table", details)


def shown(value: object) -> str:
    """Return a value as JSON."""
    return json.dumps(value, default=str)
