"""The command line: `python -m harness COMMAND`. To add a command: a file with a `COMMAND`, and a row in `COMMANDS`."""

import argparse
import sys
from collections.abc import Sequence

from harness.cli import audit, compare, power, report
from harness.cli.command import NOTHING_TO_JUDGE
from harness.errors import HarnessError

COMMANDS = {"audit": audit.COMMAND, "compare": compare.COMMAND, "power": power.COMMAND, "report": report.COMMAND}
"""Every command by its name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, by default that of the process, and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m harness", description="Tools beside the pytest suite.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.help, description=command.description)
        for argument, options in command.arguments.items():
            added.add_argument(argument, **options)
        added.set_defaults(run=command.run)
    given = parser.parse_args(arguments)
    try:
        return int(given.run(given))
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return NOTHING_TO_JUDGE
