"""The parts that all commands share."""

import argparse
from collections.abc import Callable
from typing import NamedTuple

DONE, REGRESSION, NOTHING_TO_JUDGE = range(3)
"""Exit statuses: done, and no regression; a regression; nothing to judge (argparse exits with 2 as well)."""


class Command(NamedTuple):
    """A row of the `COMMANDS` table: `arguments` declares them, `run` returns the exit status."""

    help: str
    description: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def add_format(parser: argparse.ArgumentParser) -> None:
    """Declare the format of what is printed."""
    parser.add_argument(
        "--format", choices=("text", "markdown"), default="text", help="for a terminal (default) or a pull request"
    )
