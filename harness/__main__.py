"""The command line: `python -m harness compare A/results.json B/results.json`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_REGRESSION, REGRESSION, NOT_COMPARABLE = range(3)  # argparse exits with 2 as well


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: What follows `python -m harness`; by default the process's own.

    Returns:
        The exit status: 0 no regression, 1 a regression, 2 the two cannot be compared.
    """
    given = _parser().parse_args(arguments)
    from harness.comparison import as_markdown, as_text, compare, read_results  # not for --help

    try:
        comparison = compare(read_results(given.a), read_results(given.b))
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return NOT_COMPARABLE
    sys.stdout.write(as_markdown(comparison) if given.format == "markdown" else as_text(comparison))
    return REGRESSION if comparison.regressed else NO_REGRESSION


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness", description="Tools beside the pytest suite.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    comparing = commands.add_parser(
        "compare",
        help="say what got better and worse from one results.json to another",
        description="Says what got better and worse from A to B. "
        "Exit status: 0 no regression, 1 a regression, 2 the two cannot be compared.",
    )
    comparing.add_argument("a", type=Path, metavar="A/results.json", help="what is compared with")
    comparing.add_argument("b", type=Path, metavar="B/results.json", help="what is judged")
    comparing.add_argument(
        "--format", choices=("text", "markdown"), default="text", help="for a terminal (default) or a pull request"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
