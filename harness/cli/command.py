"""The parts that all commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

DONE, REGRESSION, NOTHING_TO_JUDGE = range(3)
"""Exit statuses. argparse exits with 2 as well."""


class Command(NamedTuple):
    """A row of the `COMMANDS` table.

    Attributes:
        help: A line for the list of commands.
        description: A paragraph for the command's own help, with the exit statuses.
        arguments: Declares them.
        run: Returns the exit status.
    """

    help: str
    description: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def add_format(parser: argparse.ArgumentParser) -> None:
    """Declare the format of what is printed."""
    parser.add_argument(
        "--format", choices=("text", "markdown"), default="text", help="for a terminal (default) or a pull request"
    )
