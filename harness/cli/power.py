"""`embedding-harness power`: the smallest regression that the stored baseline detects."""

import argparse
import sys

from harness.cli.command import CASES, DONE, FORMAT, Command


def _run(given: argparse.Namespace) -> int:
    from harness.report.sections.power import as_markdown, as_text  # not for --help
    from harness.run import power_of_cases, settings_here

    render = as_markdown if given.format == "markdown" else as_text
    for found in power_of_cases(settings_here(given.cases)):
        sys.stdout.write(render(found.case, found.powers, found.stored))
    return DONE


COMMAND = Command(
    help="say how small a regression the stored baseline detects",
    description="Says, by simulation on the stored scores and trainings, the smallest drop of each metric that the "
    "gate detects with 95 % probability, and how often it stops a model that is as good as the stored one. "
    "Run it in the project. Exit status: 0 done, 2 nothing comparable is stored.",
    arguments={
        "--case": CASES,
        "--format": FORMAT,
    },
    run=_run,
)
