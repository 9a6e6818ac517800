"""The table of what was caught by what, in `docs/faults.md`."""

import re

from harness.execution import write_whole
from harness.report.github import markdown_text, table

from .collection import ROWS

HEAD = """\
# Faults that the adapter gate is tested with

Each row is an artefact that is made bad on purpose in `tests/faults/`, where a comment says how that comes about and
where it was seen; the first gate of `pytest evals/ -m gate` that does not let it pass, or, where its values are so bad
that several do not, the comparison with the stored ones; and what that gate says. DIR is the directory that is gated,
TMP another place. `make faults` writes this file.
"""


class FaultsTable:
    """What was caught by what, a row each."""

    def __init__(self):
        self._rows: dict[str, tuple[str, str]] = {}

    def add(self, fault, caught_by, text):
        """Add a row of `ROWS`: the gate that caught it, and what it said."""
        self._rows[fault] = (caught_by, text)

    def write(self, path):
        """Write the table, in the order of the collection."""
        rows = [
            (markdown_text(fault), self._rows[fault][0], markdown_text(_the_same_each_time(self._rows[fault][1])))
            for fault in ROWS
            if fault in self._rows
        ]
        write_whole(path, "\n".join([HEAD, *table(("fault", "caught by", "message"), rows)]) + "\n")


def read_rows(path):
    """Read fault and gate of each row."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [(cells[0], cells[1]) for cells in (line.strip("| ").split(" | ") for line in lines[2:])]


def _the_same_each_time(message):
    """Return a message without what changes from run to run: temporary paths and digests."""
    message = re.sub(r"/\S*?/candidate\b", "DIR", message)
    message = re.sub(r"/(?:\S+/)*(?:pytest-|harness-)[^\s:;,)]*", "TMP", message)
    message = re.sub(r"\b[0-9a-f]{12,64}\b", "…", message)
    return " ".join(message.split())
