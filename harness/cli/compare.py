"""`embedding-harness compare A B`: what got better and worse, between two runs or two files of scores."""

import argparse
import sys
from pathlib import Path

from harness.cli.command import DONE, FORMAT, REGRESSION, Command
from harness.errors import HarnessError


def _run(given: argparse.Namespace) -> int:
    run = _compare_scores if _holds_scores(given.a) or _holds_scores(given.b) else _compare_results
    return run(given)


def _compare_results(given: argparse.Namespace) -> int:
    from harness.report.comparison import as_markdown, as_text, compare  # not for --help
    from harness.results import read_results

    comparison = compare(read_results(given.a), read_results(given.b))
    sys.stdout.write(as_markdown(comparison) if given.format == "markdown" else as_text(comparison))
    return REGRESSION if comparison.regressed else DONE


def _compare_scores(given: argparse.Namespace) -> int:
    from harness.api.predictions import compare_predictions  # not for --help

    comparison = compare_predictions(given.a, given.b, pairs=given.pairs, score=given.score, label=given.label)
    sys.stdout.write(comparison.markdown if given.format == "markdown" else f"{comparison}\n")
    return REGRESSION if comparison.outcome == "fail" else DONE


def _holds_scores(path: Path) -> bool:
    """Tell a file of scores from a `results.json`, which has the key `schema`; what is not there is neither."""
    if path.suffix != ".json":
        return path.exists()
    from harness.execution.reading import read_json  # not for --help

    try:
        content = read_json(path, HarnessError)
    except HarnessError:  # whoever reads it says so
        return False
    return not isinstance(content, dict) or "schema" not in content


COMMAND = Command(
    help="say what got better and worse from one results.json, or file of scores, to another",
    description="Says what got better and worse from A to B: two results.json, or two files with a score a pair, as "
    "CSV or JSON. Of a full and a gate run, what both can have is compared. "
    "Exit status: 0 no regression, 1 a regression, 2 the two cannot be compared.",
    arguments={
        "a": {"type": Path, "metavar": "A", "help": "the reference: a results.json, or scores"},
        "b": {"type": Path, "metavar": "B", "help": "what is judged: likewise"},
        "--pairs": {"type": Path, "metavar": "FILE", "help": "of scores: the evaluation pairs, with their labels"},
        "--score": {"metavar": "COLUMN", "help": "of scores: the column of the scores, where its name is unusual"},
        "--label": {"metavar": "COLUMN", "help": "of scores: the column of the labels, where its name is unusual"},
        "--format": FORMAT,
    },
    run=_run,
)
