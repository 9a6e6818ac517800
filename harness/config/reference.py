"""Reference of the keys of a case file, for the documentation: read off the models and their docstrings."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.config.case import Case

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
_TYPES = {"string": "text", "boolean": "true or false"}


@dataclass(frozen=True)
class KeyReference:
    """One key of a case file.

    Attributes:
        table: Dotted name of its table, empty at the top; `NAME` stands for a name of the user's own.
        key: The key.
        type: Its type and bounds in words.
        default: As written in TOML; empty where there is none.
        required: Whether its table is refused without it.
        meaning: What it says, as sentences with `code` in backquotes.
    """

    table: str
    key: str
    type: str
    default: str
    required: bool
    meaning: str


def case_reference() -> list[KeyReference]:
    """Return every key of a case file, a table's own row in front of its keys."""
    schema = Case.model_json_schema()
    return list(_rows("", schema, schema["$defs"]))


def _rows(table: str, node: dict[str, Any], known: dict[str, Any]) -> Iterator[KeyReference]:
    meanings = _attributes(node.get("description", ""))
    for key, given in node["properties"].items():
        value = _resolved(given, known)
        yield KeyReference(
            table=table,
            key=key,
            type=_type(value, known),
            default=_toml(given.get("default")),
            required=key in node.get("required", ()),
            meaning=meanings.get(key) or given.get("description", ""),
        )
        inner, name = value, f"{table}.{key}".removeprefix(".")
        if "$ref" in value.get("items", {}):
            inner = _resolved(value["items"], known)
        elif "$ref" in str(value.get("additionalProperties")):
            inner, name = _resolved(value["additionalProperties"], known), f"{name}.NAME"
        if "properties" in inner:
            yield from _rows(name, inner, known)


def _resolved(node: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference; of a value that may be left out, the type that it has otherwise."""
    options = [option for option in node.get("anyOf", [node]) if option.get("type") != "null"]
    found: dict[str, Any] = options[0]
    return known[found["$ref"].rpartition("/")[2]] if "$ref" in found else found


def _type(node: dict[str, Any], known: dict[str, Any]) -> str:
    if "enum" in node:
        return f"one of {', '.join(map(_toml, node['enum']))}"
    if node["type"] == "array":
        item = _resolved(node["items"], known)
        return "list of tables" if "properties" in item else f"list of {_type(item, known)}"
    if node["type"] == "object":
        values = node.get("additionalProperties")
        item = _resolved(values, known) if isinstance(values, dict) else node
        return "table" if "properties" in item else f"table of {_type(item, known)}"
    bounds = [f"{words} {node[bound]:.10g}" for bound, words in _BOUNDS.items() if bound in node]
    return ", ".join([_TYPES.get(node["type"], node["type"]), *bounds])


def _toml(value: Any) -> str:
    return "" if value is None else json.dumps(value)


def _attributes(docstring: str) -> dict[str, str]:
    """Return the attributes of a class and their meanings from its docstring."""
    section = docstring.partition("Attributes:\n")[2]
    found = re.findall(r"^    (\w+): (.+(?:\n {5,}.+)*)", section, flags=re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}
