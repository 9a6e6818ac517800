"""`embedding-harness sweep`: look for a better recipe in the space that a case names."""

import argparse
import math
import sys
from pathlib import Path

from harness.cli.command import CASES, DONE, Command, name_steps, require_one
from harness.errors import CaseError

_STORAGE = "of a database for the study, as SQLAlchemy takes it; by default a journal below .harness/sweeps"


def _run(given: argparse.Namespace) -> int:
    from harness.execution import write_whole  # not for --help
    from harness.report.sweep import as_text, sweep_html
    from harness.run import open_session, settings_here
    from harness.run.sweep import sweep

    if given.trials < 1:
        raise CaseError(f"--trials: got {given.trials}, expected at least 1")
    if given.timeout is not None and not (given.timeout > 0 and math.isfinite(given.timeout)):
        raise CaseError(f"--timeout: got {given.timeout}, expected a positive number of seconds")
    if given.jobs < 1:
        raise CaseError(f"--jobs: got {given.jobs}, expected at least 1")
    settings = settings_here(given.cases)
    require_one(settings.cases)
    session = open_session(settings, name_steps(), jobs=given.jobs)
    [name] = session.cases
    try:
        found = sweep(
            session.run(name),
            trials=given.trials,
            directory=settings.store / "sweeps",
            timeout=given.timeout,
            storage=given.storage,
        )
    finally:
        session.ctx.close()
    page: Path = given.html or settings.reports / "sweep" / f"{name}.html"
    write_whole(page, sweep_html(found))
    sys.stdout.write(f"{as_text(found)}\n{page}\n")
    return DONE


COMMAND = Command(
    help="look for a better recipe in the space that a case names",
    description="Trains recipes of the space in the case's [sweep], scores them on its dev pairs alone, and measures "
    "the best of them once on the evaluation pairs beside the current recipe. A study that was stopped goes on. "
    "Exit status: 0 done, 2 there is no valid recipe, or the study is of another space or other data.",
    arguments={
        "--case": CASES,
        "--trials": {"type": int, "required": True, "metavar": "N", "help": "trials that the study has in the end"},
        "--timeout": {"type": float, "metavar": "SECONDS", "help": "begin no trial after so many seconds"},
        "--storage": {"metavar": "URL", "help": _STORAGE},
        "--jobs": {"type": int, "default": 1, "metavar": "N", "help": "trials that are trained side by side (1)"},
        "--html": {"type": Path, "metavar": "FILE", "help": "the page; by default reports/sweep/CASE.html"},
    },
    run=_run,
)
