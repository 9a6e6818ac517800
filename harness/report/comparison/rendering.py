"""A comparison in words: aligned for a terminal, and in Markdown for a pull request."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.metrics import METRICS
from harness.report.comparison.changes import names
from harness.report.github import cut_lines, markdown_text, table
from harness.text import number, one_line, signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.report.comparison.changes import Comparison, GateChange, MetricChange

COMMENT_BYTES = 65_536
"""The most that GitHub takes as a comment."""

_METRIC_TITLES = ("case", "model", "metric", "A", "B", "change (+ is better)", "tolerance", "outcome")
_GATE_TITLES = ("case", "gate", "subject", "A", "B", "message of B")


def as_text(comparison: Comparison) -> str:
    """Return the comparison for a terminal, in aligned columns."""
    parts = [aligned(_METRIC_TITLES, [_metric_cells(row) for row in comparison.metrics], right=(3, 4, 5, 6))]
    if comparison.gates:
        parts.append(["gates with another verdict:"])
        parts[-1] += aligned(_GATE_TITLES, [_gate_cells(gate) for gate in comparison.gates])
    parts.append([*_remarks(comparison), comparison.sentence])
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def as_markdown(comparison: Comparison) -> str:
    """Return the comparison as a comment on a pull request: the changes in tables, and the rest folded away."""
    changed = [row for row in comparison.metrics if row.outcome != "same"]
    same = [row for row in comparison.metrics if row.outcome == "same"]
    lines = ["### Embedding results, B against A", "", f"**{comparison.sentence}**"]
    lines += [line for remark in _remarks(comparison) for line in ("", markdown_text(remark))]
    lines += _markdown_table(_METRIC_TITLES, [_metric_cells(row) for row in changed])
    lines += _markdown_table(_GATE_TITLES, [_gate_cells(gate) for gate in comparison.gates])
    text = "\n".join(lines) + "\n"
    rows = _markdown_table(_METRIC_TITLES, [_metric_cells(row) for row in same])
    folded = "\n".join(["", f"<details><summary>{len(same)} the same</summary>", *rows, "", "</details>", ""])
    # Cut inside, the note of the cut would be folded away.
    whole = text + folded if same and len((text + folded).encode()) <= COMMENT_BYTES else text
    return cut_lines(whole, COMMENT_BYTES)


def _remarks(comparison: Comparison) -> list[str]:
    gone = [f"Cases of A that B does not have: {names(comparison.gone)}."] if comparison.gone else []
    new = [f"Cases of B that A did not have: {names(comparison.new)}."] if comparison.new else []
    return [*gone, *new]


def _metric_cells(row: MetricChange) -> list[str]:
    unit = METRICS[row.metric].unit
    return [
        *(row.case, row.model, row.metric),
        "none" if row.outcome == "new" else number(row.before, unit),
        "none" if row.outcome == "gone" else number(row.after, unit),
        "none" if math.isnan(row.change) else signed(row.change, unit),
        number(row.tolerance, unit),
        row.outcome,
    ]


def _gate_cells(row: GateChange) -> list[str]:
    return [row.case, row.gate, str(row.subject), row.before or "not run", row.after or "not run", row.message]


def aligned(titles: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Return the lines of a table for a terminal; the columns `right` are numbers."""
    shown = [list(map(one_line, cells)) for cells in (titles, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in shown
    ]


def _markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["", *table(titles, (list(map(markdown_text, cells)) for cells in rows))] if rows else []
