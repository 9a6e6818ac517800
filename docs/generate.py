"""Write the parts of the documentation that come from tables in the code.

Each stands between two marked lines of its page, and the rest of the page is written by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.config.reference import case_reference
from harness.gates import GATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.config.reference import KeyReference
    from harness.gates import Gate

DOCS = Path(__file__).parent
BEGIN = "<!-- from here on written by docs/generate.py -->\n"
END = "<!-- up to here written by docs/generate.py -->\n"


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
    tables: dict[str, list[KeyReference]] = {}
    for row in case_reference():
        tables.setdefault(row.table, []).append(row)
    return "\n\n".join(_keys(table, rows) for table, rows in tables.items())


def _keys(table: str, rows: list[KeyReference]) -> str:
    title = f"### `[{table}]`" if table else "### At the top"
    lines = [f"| `{row.key}` | {row.type} | {_default(row)} | {row.meaning} |" for row in rows]
    return "\n".join([title, "", "| key | type | default | meaning |", "|---|---|---|---|", *lines])


def _default(row: KeyReference) -> str:
    if row.required:
        return "**required**"
    return f"`{row.default}`" if row.default else ""


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
