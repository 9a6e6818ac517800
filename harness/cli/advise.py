"""`embedding-harness advise`: which of the strategies of a case to take, from what a run of them measured."""

import argparse
import sys
from pathlib import Path

from harness.cli.command import CASES, DONE, NOTHING_TO_JUDGE, Command

_RESULTS = "a results.json of `-m strategies`; by default reports/strategies/results.json"


def _run(given: argparse.Namespace) -> int:
    from harness.errors import CaseError  # not for --help
    from harness.report.advice import Constraints, advise
    from harness.results import read_results
    from harness.run import settings_here
    from harness.text import aligned, number

    settings = settings_here(given.cases)
    results = read_results(given.results or settings.reports / "strategies" / "results.json")
    wanted = {path.parent.name if path.is_file() else path.name for path in given.cases}
    cases = {name: case for name, case in results.cases.items() if case.strategies and (not wanted or name in wanted)}
    if not cases:
        raise CaseError(
            "no strategies in these results; run `pytest evals/ -m strategies` on a case with data.retrieval"
        )
    constraints = Constraints(given.keeps, given.dimensions, given.ships_mb, given.train_mb)
    status = DONE
    for name, case in cases.items():
        advice = advise(case, constraints)
        status = status if advice.model else NOTHING_TO_JUDGE
        rows = [(model, number(value), advice.left_out.get(model, "")) for model, value in advice.quality.items()]
        table = "\n".join(aligned(("model", "nDCG@10", "left out, because"), rows, right=(1,)))
        sys.stdout.write(f"{name}: {advice.model or 'the base'}: {advice.reason}\n\n{table}\n")
    return status


COMMAND = Command(
    help="say which strategy of training to take",
    description="Recommends, from what `-m strategies` measured, the cheapest to ship of the strategies that are as "
    "good as the best and keep to the constraints, with the numbers that decided. Exit status: 0 done, 2 there is "
    "nothing to recommend.",
    arguments={
        "--case": CASES,
        "--results": {"type": Path, "metavar": "FILE", "help": _RESULTS},
        "--keeps": {"type": float, "help": "least part kept of the base's general knowledge; by default the case's"},
        "--dimensions": {"type": int, "metavar": "N", "help": "number of dimensions that embeddings are served at"},
        "--ships-mb": {"type": float, "metavar": "MB", "help": "greatest file to ship"},
        "--train-mb": {"type": float, "metavar": "MB", "help": "greatest peak memory of the training"},
    },
    run=_run,
)
