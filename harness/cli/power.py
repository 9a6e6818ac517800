"""`python -m harness power`: the smallest regression that the stored baseline detects."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.command import DONE, Command, add_format

if TYPE_CHECKING:
    import argparse


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--case",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        dest="cases",
        help="case file (repeatable); by default every fixtures/*/case.toml",
    )
    add_format(parser)


def _run(given: argparse.Namespace) -> int:
    from harness.report.power import as_markdown, as_text  # not for --help
    from harness.run import power_of_cases

    for found in power_of_cases(Path.cwd(), given.cases):
        render = as_markdown if given.format == "markdown" else as_text
        sys.stdout.write(render(found.case, found.powers, found.stored))
    return DONE


COMMAND = Command(
    help="say how small a regression the stored baseline detects",
    description="Says, by simulation on the stored scores and trainings, the smallest drop of each metric that the "
    "gate detects with 95 % probability, and how often it stops a model that is as good as the stored one. "
    "Run it where baselines/ lies. Exit status: 0 done, 2 nothing comparable is stored.",
    arguments=_arguments,
    run=_run,
)
