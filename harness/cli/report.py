"""`embedding-harness report RESULTS`: the page of a run again, from its `results.json`."""

import argparse
import sys
from pathlib import Path

from harness.cli.command import DONE, Command

_HTML = "the page to write; by default summary.html beside the results"


def _run(given: argparse.Namespace) -> int:
    from harness.execution import write_whole  # not for --help
    from harness.report import page_html, reports, write_errors
    from harness.results import read_pair_tables, read_results

    results = read_results(given.results)
    cases = reports(results, read_pair_tables(given.results, results))
    path: Path = given.html or given.results.with_name("summary.html")
    write_whole(path, page_html(cases))
    write_errors(path.parent, cases)
    sys.stdout.write(f"{path}\n")
    return DONE


COMMAND = Command(
    help="render the page of a run again, from its results.json",
    description="Writes the page with all verdicts, values and charts, and beside it the wrong pairs of each case as "
    "CSV, without a run. Exit status: 0 done, 2 the results cannot be read.",
    arguments={
        "results": {"type": Path, "metavar": "RESULTS", "help": "a results.json, with its pair tables beside it"},
        "--html": {"type": Path, "metavar": "FILE", "help": _HTML},
    },
    run=_run,
)
