"""The parts that all commands share."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import CaseError

DONE, REGRESSION, NOTHING_TO_JUDGE, LOOK = range(4)
"""Exit statuses: done, and no regression; a regression; nothing to judge (argparse exits with 2 as well); no
regression, but something that a person has to look at."""


CASES = {
    "action": "append",
    "default": [],
    "type": Path,
    "metavar": "PATH",
    "dest": "cases",
    "help": "case file or its directory (repeatable); by default as the setting harness_cases says",
}
"""The argument `--case` of the commands that read cases."""
FORMAT = {"choices": ("text", "markdown"), "default": "text", "help": "for a terminal (default) or a pull request"}
"""The argument `--format`: that of what is printed."""


class Command(NamedTuple):
    """A row of the `COMMANDS` table: `arguments` are declared to argparse, `run` returns the exit status.

    Where it `takes_further` arguments, `run` finds those that were not declared as `further`.
    """

    help: str
    description: str
    arguments: Mapping[str, Mapping[str, Any]]
    run: Callable[[argparse.Namespace], int]
    takes_further: bool = False


def require_one(cases: Sequence[Path]) -> None:
    """Raise a CaseError where a command that works on one case found another number of them."""
    if len(cases) != 1:
        raise CaseError(f"--case: got {len(cases)} cases, expected one: name it with --case PATH")


def name_steps() -> Callable[[str, float, str], None]:
    """Return what names each step that is not in the store, once."""
    named: set[str] = set()

    def tell(title: str, _done: float, _note: str) -> None:
        if title not in named:
            named.add(title)
            sys.stderr.write(f"{title}\n")

    return tell
