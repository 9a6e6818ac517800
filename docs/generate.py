"""Write the parts of the documentation that come from tables in the code.

Each stands between two marked lines of its page, and the rest of the page is written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config import Case
from harness.gates import GATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.gates import Gate

DOCS = Path(__file__).parent
BEGIN = "<!-- from here on written by docs/generate.py -->\n"
END = "<!-- up to here written by docs/generate.py -->\n"
BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
TYPES = {"string": "text", "boolean": "true or false"}


def main() -> None:
    """Write the pages."""
    for page in PAGES:
        (DOCS / page).write_text(page_text(page), encoding="utf-8")


def page_text(page: str) -> str:
    """Return a page with its generated part as it should be."""
    before, begin, rest = (DOCS / page).read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"docs/{page}: expected the two lines\n{BEGIN}{END}")
    return f"{before}{BEGIN}\n{PAGES[page]().strip()}\n\n{END}{after}"


def gates() -> str:
    """Return the table of all gates, and a section for each with what to do when it fails."""
    rows = [
        f"| [`{name}`](#{name}) | {gate.question} | {', '.join(gate.runs)} | {'yes' if gate.hard else ''} |"
        for name, gate in GATES.items()
    ]
    table = ["| gate | question | runs with `-m` | hard |", "|---|---|---|---|", *rows]
    return "\n".join(table) + "\n\n" + "\n\n".join(_section(name, gate) for name, gate in GATES.items())


def _section(name: str, gate: Gate) -> str:
    facts = [
        f"Judged for each {_code(gate.over)}." if gate.over else "Judged once a case.",
        f"Skipped where {_code(gate.needs, ' or ')} fails." if gate.needs else "",
    ]
    lines = [f"**{gate.title}.** {gate.question}", " ".join(filter(None, facts)), f"**When it fails:** {gate.action}"]
    return "\n\n".join([f"## {name}", *lines])


def _code(names: tuple[str, ...], last: str = " and ") -> str:
    words = [f"`{name}`" for name in names]
    return last.join(filter(None, [", ".join(words[:-1]), words[-1]]))


def cases() -> str:
    """Return a table of keys for each table of a case file."""
    schema = Case.model_json_schema()
    return "\n\n".join(_tables("", schema, schema["$defs"]))


def _tables(name: str, node: dict[str, Any], known: dict[str, Any], kind: str = "") -> Iterator[str]:
    """Yield the keys of a table of a case file, and of the tables in it; `NAME` is a name of the user's own.

    A table of several kinds is yielded once a kind, which is named after its first key.
    """
    lines: list[str] = []
    inner: list[tuple[str, list[dict[str, Any]]]] = []
    for key, given in node["properties"].items():
        value, path = _resolved(given, known), f"{name}.{key}".removeprefix(".")
        default = "" if given.get("default") is None else f"`{json.dumps(given['default'])}`"
        default = "**required**" if key in node.get("required", ()) else default
        lines.append(f"| `{key}` | {_types(given, known)} | {default} | {given['description']} |")
        held = given
        if isinstance(value.get("additionalProperties"), dict):
            held, path = value["additionalProperties"], f"{path}.NAME"
        elif "items" in value:
            held = value["items"]
        options = [_resolved(option, known) for option in held.get("anyOf", [held])]
        inner.append((path, [option for option in options if "properties" in option]))
    title = f"### `[{name}]`{kind}" if name else "### At the top"
    yield "\n".join([title, "", "| key | type | default | meaning |", "|---|---|---|---|", *lines])
    for path, tables in inner:
        for table in tables:
            yield from _tables(
                path, table, known, f" with `{next(iter(table['properties']))}`" if len(tables) > 1 else ""
            )


def _resolved(node: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference; of a value that may be left out, the type that it has otherwise."""
    found: dict[str, Any] = node.get("anyOf", [node])[0]
    return known[found["$ref"].rpartition("/")[2]] if "$ref" in found else found


def _types(node: dict[str, Any], known: dict[str, Any]) -> str:
    """Return the type of a value in words, or those of which it may have one."""
    options = [option for option in node.get("anyOf", [node]) if option.get("type") != "null"]
    return " or ".join(_type(_resolved(option, known), known) for option in options)


def _type(node: dict[str, Any], known: dict[str, Any]) -> str:
    """Return a type and its bounds in words."""
    if "enum" in node:
        return f"one of {', '.join(map(json.dumps, node['enum']))}"
    if node["type"] == "array":
        item = _resolved(node["items"], known)
        return "list of tables" if "properties" in item else f"list of {_type(item, known)}"
    if node["type"] == "object":
        values = node.get("additionalProperties")
        item = _resolved(values, known) if isinstance(values, dict) else node
        return "table" if "properties" in item else f"table of {_type(item, known)}"
    bounds = [f"{words} {node[bound]:.10g}" for bound, words in BOUNDS.items() if bound in node]
    return ", ".join([TYPES.get(node["type"], node["type"]), *bounds])


def decisions() -> str:
    """Return the index of the architecture decision records."""
    rows = []
    for path in sorted((DOCS / "adr").glob("0*.md")):
        number, _, title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").partition(". ")
        rows.append(f"| {number} | [{title}]({path.name}) |")
    return "\n".join(["| | decision |", "|---|---|", *rows])


PAGES: dict[str, Callable[[], str]] = {"cases.md": cases, "gates.md": gates, "adr/index.md": decisions}

if __name__ == "__main__":
    main()
