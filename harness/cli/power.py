"""`embedding-harness power`: the smallest regression that the stored baseline detects."""

import argparse
import sys
from pathlib import Path

from harness.cli.command import DONE, FORMAT, Command

_CASES = "case file or its directory (repeatable); by default every fixtures/*/case.toml"


def _run(given: argparse.Namespace) -> int:
    import pytest  # not for --help

    from harness.report.sections.power import as_markdown, as_text
    from harness.run import power_of_cases, settings_of

    render = as_markdown if given.format == "markdown" else as_text
    settings = settings_of(pytest.Config.fromdictargs({}, []), given.cases)
    for found in power_of_cases(settings):
        sys.stdout.write(render(found.case, found.powers, found.stored))
    return DONE


COMMAND = Command(
    help="say how small a regression the stored baseline detects",
    description="Says, by simulation on the stored scores and trainings, the smallest drop of each metric that the "
    "gate detects with 95 % probability, and how often it stops a model that is as good as the stored one. "
    "Run it in the project. Exit status: 0 done, 2 nothing comparable is stored.",
    arguments={
        "--case": {"action": "append", "default": [], "type": Path, "metavar": "PATH", "dest": "cases", "help": _CASES},
        "--format": FORMAT,
    },
    run=_run,
)
