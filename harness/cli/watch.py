"""`embedding-harness watch`: is a model still as good on the data that comes in now?"""

import argparse
import math
import sys
from pathlib import Path

from harness.cli.command import CASES, DONE, LOOK, REGRESSION, Command, name_steps, require_one
from harness.errors import CaseError, require

_STATUS = {"fine": DONE, "look": LOOK, "retrain": REGRESSION}


def _run(given: argparse.Namespace) -> int:
    from harness.execution import write_whole  # not for --help
    from harness.report.watch import as_text, watch_html
    from harness.results.watch import History, add_check, read_history
    from harness.run import open_session, require_writable, settings_here
    from harness.run.watch import read_new, stored_model, watch

    if given.pairs is None and given.texts is None:
        raise CaseError("no new data: expected --pairs FILE, --texts FILE, or both")
    if not (given.max_age > 0 and math.isfinite(given.max_age)):
        raise CaseError(f"--max-age: got {given.max_age:g}, expected a positive number of days")
    require("cluster", "sklearn")
    require("report", "matplotlib")
    settings = settings_here(given.cases)
    require_one(settings.cases)
    session = open_session(settings, name_steps(), jobs=1)
    try:
        [name] = session.cases
        run, directory = session.run(name), settings.reports / "watch"
        path = session.baseline_path(name)
        baseline, model = stored_model(run, path, given.model)
        new = read_new(run.inputs.case, given.pairs, given.texts, given.text_column)
        require_writable(directory, "harness_reports in the ini file")
        history, page = directory / f"{name}.sqlite", directory / f"{name}.html"
        read_history(history)  # a damaged one is found before any work
        check = watch(run, baseline, path, model, new, max_age=given.max_age)
    finally:
        session.ctx.close()
    add_check(history, check)
    checks = [one for one in read_history(history) if one.model == model]
    write_whole(page, watch_html(History(name, checks)))
    sys.stdout.write(f"{as_text(check)}\n{page}\n")
    return _STATUS[check.answer]


COMMAND = Command(
    help="check a model on the data that comes in now: drift, metrics, the baseline's age",
    description="Holds new texts against those of the case's evaluation pairs, and the metrics on new labelled pairs "
    "against the stored baseline; keeps a history with a page. Exit status: 0 fine, 1 retrain: a metric is worse, "
    "2 there is no baseline or the new data cannot be used, 3 look: drift, a stale baseline, or too few labels.",
    arguments={
        "--case": CASES,
        "--pairs": {"type": Path, "metavar": "FILE", "help": "new labelled pairs, with the columns of the case's own"},
        "--texts": {"type": Path, "metavar": "FILE", "help": "new texts without labels: one a line, or a table"},
        "--text-column": {"metavar": "NAME", "help": "of a table: the texts, where the column has another name"},
        "--model": {"metavar": "NAME", "help": "a model of the case; by default its first but the base"},
        "--max-age": {"type": float, "default": 180.0, "metavar": "DAYS", "help": "of the baseline (default 180)"},
    },
    run=_run,
)
