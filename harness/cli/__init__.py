"""The command line: `embedding-harness COMMAND`. To add a command: a file with a `COMMAND`, and a row in `COMMANDS`."""

import argparse
import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from typing import TextIO

from harness.cli import advise, audit, audit_index, compare, gate, init, power, report, run, store, sweep, watch
from harness.cli.command import DONE, NOTHING_TO_JUDGE
from harness.errors import HarnessError

COMMANDS = {
    "init": init.COMMAND,
    "run": run.COMMAND,
    "gate": gate.COMMAND,
    "audit": audit.COMMAND,
    "audit-index": audit_index.COMMAND,
    "compare": compare.COMMAND,
    "power": power.COMMAND,
    "advise": advise.COMMAND,
    "report": report.COMMAND,
    "store": store.COMMAND,
    "sweep": sweep.COMMAND,
    "watch": watch.COMMAND,
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
    # A status means what it says, whatever becomes of the words: it is known before they are written.
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            status = int(given.command.run(given))
    except HarnessError as error:
        return _write(sys.stderr, f"{error}\n", NOTHING_TO_JUDGE)
    except Exception:  # noqa: BLE001 - a bug: Python's own status for it is 1, which is a regression here
        return _write(sys.stderr, traceback.format_exc(), NOTHING_TO_JUDGE)
    return _write(sys.stdout, said.getvalue(), status)


def _write(stream: TextIO, text: str, status: int) -> int:
    """Write a text, with escapes for letters that the stream has none for; return the status."""
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:  # the reader has seen enough; Python would complain at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except OSError as error:
        with suppress(OSError):
            sys.stderr.write(f"cannot write: {error.strerror}\n")
        return NOTHING_TO_JUDGE if status == DONE else status
    return status
