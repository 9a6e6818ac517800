"""The command line: `python -m harness COMMAND`. To add a command: a file with a `COMMAND`, and a row in `COMMANDS`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from harness.cli import compare, power, report
from harness.cli.command import NOTHING_TO_JUDGE
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {"compare": compare.COMMAND, "power": power.COMMAND, "report": report.COMMAND}
"""Every command by its name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows `python -m harness`; by default the process's own.

    Returns:
        The exit status: 0 done, and no regression; 1 a regression; 2 there is nothing to judge.
    """
    given = _parser().parse_args(arguments)
    try:
        status: int = given.run(given)
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return NOTHING_TO_JUDGE
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness", description="Tools beside the pytest suite.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.help, description=command.description)
        command.arguments(added)
        added.set_defaults(run=command.run)
    return parser
