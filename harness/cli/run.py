"""`embedding-harness run`: trains, evaluates and gates every model of every case."""

import argparse

from harness.cli.command import Command
from harness.cli.suite import FURTHER, run_suite


def _run(given: argparse.Namespace) -> int:
    run_suite("full", given.further)


COMMAND = Command(
    help="train, evaluate and gate every model of every case, and write the report",
    description="Trains, evaluates and gates every model of every case, and writes the report: "
    "pytest --pyargs harness.evals -m full. With --update-baselines it stores what it measured. "
    f"{FURTHER} Exit status: that of pytest.",
    arguments={},
    run=_run,
    takes_further=True,
)
