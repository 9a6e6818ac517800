"""`embedding-harness report RESULTS`: a run shown again, from its `results.json`."""

import argparse
import sys
from pathlib import Path

from harness.cli.command import DONE, Command

_HTML = "the page to write; by default summary.html beside the results, where nothing else is asked for"
_MARKDOWN = "Markdown to write, for a comment on a pull request"
_CARD = "the README.md of the model: its model-index gets the values, all else in it stays"


def _run(given: argparse.Namespace) -> int:
    from harness.execution import write_whole  # not for --help
    from harness.results import read_results

    results = read_results(given.results)
    written = []
    if given.markdown:
        from harness.report.github import pull_request_comment

        write_whole(given.markdown, pull_request_comment(results.cases))
        written.append(given.markdown)
    if given.model_card:
        from harness.report.model_card import write_model_card

        write_model_card(given.model_card, results, given.model)
        written.append(given.model_card)
    if given.html or not written:
        from harness.report import page_html, reports, write_errors
        from harness.results import read_pair_tables

        cases = reports(results, read_pair_tables(given.results, results))
        page: Path = given.html or given.results.with_name("summary.html")
        write_whole(page, page_html(cases))
        write_errors(page.parent, cases)
        written.append(page)
    sys.stdout.write("".join(f"{path}\n" for path in written))
    return DONE


COMMAND = Command(
    help="show a run again, from its results.json: as a page, for a pull request, or in a model card",
    description="Writes, without a run, the page with all verdicts, values and charts, and beside it the wrong pairs "
    "of each case as CSV; or Markdown for a pull request; or a model's values into its model card. "
    "Exit status: 0 done, 2 the results cannot be read.",
    arguments={
        "results": {"type": Path, "metavar": "RESULTS", "help": "a results.json, with its pair tables beside it"},
        "--html": {"type": Path, "metavar": "FILE", "help": _HTML},
        "--markdown": {"type": Path, "metavar": "FILE", "help": _MARKDOWN},
        "--model-card": {"type": Path, "metavar": "FILE", "help": _CARD},
        "--model": {"metavar": "NAME", "help": "the model of the card; by default the gated or the only trained one"},
    },
    run=_run,
)
