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


def _tables(name: str, node: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    """Yield the keys of a table of a case file, and of the tables in it; `NAME` is a name of the user's own."""
    lines, inner = [], []
    for key, given in node["properties"].items():
        value, path = _resolved(given, known), f"{name}.{key}".removeprefix(".")
        default = "" if given.get("default") is None else f"`{json.dumps(given['default'])}`"
        default = "**required**" if key in node.get("required", ()) else default
        lines.append(f"| `{key}` | {_type(value, known)} | {default} | {given['description']} |")
        if isinstance(value.get("additionalProperties"), dict):
            value, path = _resolved(value["additionalProperties"], known), f"{path}.NAME"
        inner.append((path, _resolved(value.get("items", value), known)))
    title = f"### `[{name}]`" if name else "### At the top"
    yield "\n".join([title, "", "| key | type | default | meaning |", "|---|---|---|---|", *lines])
    for path, table in inner:
        if "properties" in table:
            yield from _tables(path, table, known)


def _resolved(node: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference; of a value that may be left out, the type that it has otherwise."""
    found: dict[str, Any] = node.get("anyOf", [node])[0]
    return known[found["$ref"].rpartition("/")[2]] if "$ref" in found else found


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
