"""`embedding-harness audit`: the checks of the pairs of a case, before anything is trained."""

import argparse
import sys

from harness.cli.command import CASES, DONE, FORMAT, REGRESSION, Command


def _run(given: argparse.Namespace) -> int:
    from harness.report.sections.data import as_markdown, as_text  # not for --help
    from harness.run import audit_of_cases, settings_here

    render = as_markdown if given.format == "markdown" else as_text
    failed = False
    for case, verdicts in audit_of_cases(settings_here(given.cases)):
        sys.stdout.write(render(case, verdicts))
        failed |= any(verdict.outcome == "fail" for verdict in verdicts)
    return REGRESSION if failed else DONE


COMMAND = Command(
    help="check the pairs of a case: leakage, contradictions, balance, shortcuts, truncation",
    description="Says what each check finds in the training and evaluation pairs, and whether it is within the limit "
    "of the case. Trains and opens no model. "
    "Exit status: 0 no check fails, 1 a check fails, 2 the case or its pairs are not what they should be.",
    arguments={
        "--case": CASES,
        "--format": FORMAT,
    },
    run=_run,
)
