"""Write the parts of the documentation that come from the code: from its tables, and what the notebooks show.

Those of a page stand between two marked lines, and the rest of the page is written by hand.
"""

from __future__ import annotations

import ast
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
    """Write the pages and the notebooks."""
    for page in PAGES:
        (DOCS / page).write_text(page_text(page), encoding="utf-8")
    for notebook in NOTEBOOKS:
        (DOCS / notebook).write_text(notebook_text(notebook), encoding="utf-8")


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
        values, path = _alternatives(given, known), f"{name}.{key}".removeprefix(".")
        default = "" if given.get("default") is None else f"`{json.dumps(given['default'])}`"
        default = "**required**" if key in node.get("required", ()) else default
        types = " or ".join(dict.fromkeys(_type(value, known) for value in values))
        lines.append(f"| `{key}` | {types} | {default} | {given['description']} |")
        if isinstance(values[0].get("additionalProperties"), dict):
            values, path = _alternatives(values[0]["additionalProperties"], known), f"{path}.NAME"
        options = [table for value in values for table in _alternatives(value.get("items", value), known)]
        inner.append((path, [option for option in options if "properties" in option]))
    title = f"### `[{name}]`{kind}" if name else "### At the top"
    yield "\n".join([title, "", "| key | type | default | meaning |", "|---|---|---|---|", *lines])
    seen: list[dict[str, Any]] = []  # the table of a hub dataset stands in several places, and is shown at the first
    for path, tables in inner:
        for table in tables:
            if table not in seen:
                seen.append(table)
                kind = f" with `{next(iter(table['properties']))}`" if len(tables) > 1 else ""
                yield from _tables(path, table, known, kind)


def _alternatives(node: dict[str, Any], known: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the types that a value may have, each reference followed; null, for a value left out, is none."""
    found = [one for one in node.get("anyOf", [node]) if one.get("type") != "null"]
    return [known[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in found]


def _type(node: dict[str, Any], known: dict[str, Any]) -> str:
    """Return a type and its bounds in words."""
    if "enum" in node:
        return f"one of {', '.join(map(json.dumps, node['enum']))}"
    if node["type"] == "array":
        [item] = _alternatives(node["items"], known)
        return "list of tables" if "properties" in item else f"list of {_type(item, known)}"
    if node["type"] == "object":
        values = node.get("additionalProperties")
        items = _alternatives(values, known) if isinstance(values, dict) else [node]
        return "table" if "properties" in items[0] else f"table of {' or '.join(_type(item, known) for item in items)}"
    bounds = [f"{words} {node[bound]:.10g}" for bound, words in BOUNDS.items() if bound in node]
    return ", ".join([TYPES.get(node["type"], node["type"]), *bounds])


def decisions() -> str:
    """Return the index of the architecture decision records."""
    rows = []
    for path in sorted((DOCS / "adr").glob("0*.md")):
        number, _, title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").partition(". ")
        rows.append(f"| {number} | [{title}]({path.name}) |")
    return "\n".join(["| | decision |", "|---|---|", *rows])


def notebook_text(name: str) -> str:
    """Return a notebook with what its cells show: all of them run in one namespace, from the first to the last."""
    notebook = json.loads((DOCS / name).read_text(encoding="utf-8"))
    namespace: dict[str, Any] = {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells, start=1):
        shown = {"data": {"text/plain": _shown("".join(cell["source"]), namespace).splitlines(keepends=True)}}
        result = {**shown, "execution_count": number, "metadata": {}, "output_type": "execute_result"}
        cell.update(execution_count=number, outputs=[result] if shown["data"]["text/plain"] else [])
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _shown(source: str, namespace: dict[str, Any]) -> str:
    """Run a cell; return its last expression as a notebook shows it, nothing where it ends otherwise."""
    *statements, last = ast.parse(source).body
    ends_in_value = isinstance(last, ast.Expr)
    exec(compile(ast.Module([*statements, *([] if ends_in_value else [last])], []), "cell", "exec"), namespace)  # noqa: S102
    if not isinstance(last, ast.Expr):
        return ""
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), namespace)  # noqa: S307
    return "" if value is None else repr(value)


NOTEBOOKS = ("scores.ipynb",)
"""Notebooks whose outputs are written here."""

PAGES: dict[str, Callable[[], str]] = {"cases.md": cases, "gates.md": gates, "adr/index.md": decisions}

if __name__ == "__main__":
    main()
