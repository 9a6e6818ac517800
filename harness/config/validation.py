"""Validation of a table, and one line of words for each thing that is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import ValidationError

from harness.config.fields import Frozen, Location
from harness.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

_RENAMED = {"more": "extra", "shares": "relative_performance", "of": "reference", "share": "at_least"}
"""Key that case files had -> its name today."""

T = TypeVar("T", bound=Frozen)


def validated(table: type[T], content: object, *, where: str, context: Mapping[str, Any] | None = None) -> T:
    """Validate the content of a table.

    Args:
        table: The table's class.
        content: As it was read.
        where: What the content is, in front of each line of the message: a file, say.
        context: For the validators of the table.

    Raises:
        CaseError: One line for each thing that is wrong, in whichever part: the key, what was expected, and what came.
    """
    try:
        return table.model_validate(content, context=context)
    except ValidationError as error:
        raise CaseError("\n".join(f"{where}: {line}" for line in _lines(table, error.errors()))) from None


def _lines(table: type[Frozen], problems: list[ErrorDetails]) -> Iterator[str]:
    renamed = {(*error["loc"][:-1], _RENAMED.get(str(error["loc"][-1]))) for error in problems if _is_unknown(error)}
    for error in problems:
        location, came = error["loc"], json.dumps(error["input"], default=str)
        match error["type"]:
            case "missing" if location in renamed:
                continue  # said already: the old name is there
            case "missing":
                yield from (f"{_dotted(missing)}: missing" for missing in _missing(table, location))
                continue
            case "extra_forbidden":
                known = list(_annotation(table, location[:-1]).model_fields)
                new = _RENAMED.get(str(location[-1]))
                expected = f"it is now called {new}" if new in known else f"expected one of {', '.join(known)}"
                message = f"unknown key; {expected}"
            case "value_error":  # of a whole table, which would not show what is wrong in it
                message = str(error["ctx"]["error"])
            case "problem" if error["input"] is None:
                message = error["msg"]
            case "problem":
                message = f"{error['msg']}; got {came}"
            case "model_type" | "dict_type":
                message = f"expected a table; got {came}"
            case _:
                message = f"{error['msg'][0].lower()}{error['msg'][1:]}; got {came}"
        yield f"{_dotted(location)}: {message}".removeprefix(": ")


def _is_unknown(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden"


def _dotted(location: Location) -> str:
    return ".".join(str(part) for part in location)


def _missing(table: type[Frozen], location: Location) -> Iterator[Location]:
    """Yield the keys to write: those that a missing table requires, or the missing key itself."""
    annotation = _annotation(table, location)
    fields = annotation.model_fields if _is_table(annotation) else {}
    required = [name for name, field in fields.items() if field.is_required()]
    for name in required:
        yield from _missing(table, (*location, name))
    if not required:
        yield location


def _annotation(table: type[Frozen], location: Location) -> Any:
    """Return the type of the value at a location."""
    annotation: Any = table
    for part in location:
        if _is_table(annotation):
            annotation = annotation.model_fields[str(part)].annotation
            optional = [option for option in get_args(annotation) if option is not type(None)]
            annotation = optional[0] if type(None) in get_args(annotation) else annotation
        else:
            annotation = get_args(annotation)[-1]  # the items of a list, the values of a mapping
    return annotation


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Frozen)
