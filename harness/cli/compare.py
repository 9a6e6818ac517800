"""`embedding-harness compare A/results.json B/results.json`: what got better and worse."""

import argparse
import sys
from pathlib import Path

from harness.cli.command import DONE, FORMAT, REGRESSION, Command


def _run(given: argparse.Namespace) -> int:
    from harness.report.comparison import as_markdown, as_text, compare  # not for --help
    from harness.results import read_results

    comparison = compare(read_results(given.a), read_results(given.b))
    sys.stdout.write(as_markdown(comparison) if given.format == "markdown" else as_text(comparison))
    return REGRESSION if comparison.regressed else DONE


COMMAND = Command(
    help="say what got better and worse from one results.json to another",
    description="Says what got better and worse from A to B. "
    "Exit status: 0 no regression, 1 a regression, 2 the two cannot be compared.",
    arguments={
        "a": {"type": Path, "metavar": "A/results.json", "help": "the reference"},
        "b": {"type": Path, "metavar": "B/results.json", "help": "what is judged"},
        "--format": FORMAT,
    },
    run=_run,
)
