"""The command line: `embedding-harness COMMAND`. To add a command: a file with a `COMMAND`, and a row in `COMMANDS`."""

import argparse
import sys
from collections.abc import Sequence

from harness.cli import audit, compare, gate, power, report, run
from harness.cli.command import NOTHING_TO_JUDGE
from harness.errors import HarnessError

COMMANDS = {
    "run": run.COMMAND,
    "gate": gate.COMMAND,
    "audit": audit.COMMAND,
    "compare": compare.COMMAND,
    "power": power.COMMAND,
    "report": report.COMMAND,
}
"""Every command by its name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, by default that of the process, and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="embedding-harness", description="Regression gates for fine-tuned embedding models."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.help, description=command.description, allow_abbrev=False)
        for argument, options in command.arguments.items():
            added.add_argument(argument, **options)
        added.set_defaults(command=command)
    given, further = parser.parse_known_args(arguments)
    if further and not given.command.takes_further:
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    given.further = further
    try:
        return int(given.command.run(given))
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return NOTHING_TO_JUDGE
