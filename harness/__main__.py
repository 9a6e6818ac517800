"""The command line: `python -m harness compare A/results.json B/results.json`, `python -m harness power`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import CaseError, HarnessError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.baselines import Baseline
    from harness.power import ModelPower

NO_REGRESSION, REGRESSION, NOT_COMPARABLE = range(3)  # argparse exits with 2 as well


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: What follows `python -m harness`; by default the process's own.

    Returns:
        The exit status: 0 done, and no regression; 1 a regression; 2 there is nothing to compare with.
    """
    given = _parser().parse_args(arguments)
    try:
        status: int = given.command(given)
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return NOT_COMPARABLE
    return status


def _compare(given: argparse.Namespace) -> int:
    from harness.comparison import as_markdown, as_text, compare, read_results  # not for --help

    comparison = compare(read_results(given.a), read_results(given.b))
    sys.stdout.write(as_markdown(comparison) if given.format == "markdown" else as_text(comparison))
    return REGRESSION if comparison.regressed else NO_REGRESSION


def _power(given: argparse.Namespace) -> int:
    from harness.baselines import baseline_path, read_baseline
    from harness.case import read_case
    from harness.inputs import prepare
    from harness.pipeline import measure_power
    from harness.store import Store
    from harness.workplace import Workplace

    here = Path.cwd()
    paths = given.cases or sorted(here.glob("fixtures/*/case.toml"))
    if not paths:
        raise CaseError(f"no case: expected {here}/fixtures/*/case.toml, or --case PATH")
    work = Workplace(Store(here / ".harness" / "store"), lambda *_: None)
    for path in paths:
        inputs = prepare(read_case(path))
        baseline = read_baseline(baseline_path(here / "baselines", inputs.case))
        powers = measure_power(work, inputs, baseline)
        assert baseline is not None  # noqa: S101 - or nothing was measured
        sys.stdout.write(_power_page(inputs.case.name, powers, baseline, given.format))
    return NO_REGRESSION


def _power_page(case: str, powers: Mapping[str, ModelPower], baseline: Baseline, style: str) -> str:
    from harness.comparison.rendering import aligned
    from harness.github import markdown_text, table
    from harness.report import POWER_TITLES, power_rows, power_sentences

    rows, sentences = power_rows(powers, baseline), power_sentences(powers)
    if style == "markdown":
        lines = table(POWER_TITLES, ([markdown_text(cell) for cell in row] for row in rows))
        said = [f"- {markdown_text(sentence)}" for sentence in sentences]
        return "\n".join([f"### What the gate of {markdown_text(case)} sees", "", *said, "", *lines, ""])
    return "\n".join([case, "", *aligned(POWER_TITLES, rows, right=(2, 3, 4, 5)), "", *sentences, ""])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness", description="Tools beside the pytest suite.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    comparing = commands.add_parser(
        "compare",
        help="say what got better and worse from one results.json to another",
        description="Says what got better and worse from A to B. "
        "Exit status: 0 no regression, 1 a regression, 2 the two cannot be compared.",
    )
    comparing.add_argument("a", type=Path, metavar="A/results.json", help="what is compared with")
    comparing.add_argument("b", type=Path, metavar="B/results.json", help="what is judged")
    comparing.set_defaults(command=_compare)
    powering = commands.add_parser(
        "power",
        help="say how small a regression the stored baseline shows",
        description="Says, by simulation on the stored scores and trainings, the smallest drop of each metric that the "
        "gate catches with 95 % probability, and how often it stops a model that is as good as the stored one. "
        "Run it where baselines/ lies. Exit status: 0 done, 2 nothing comparable is stored.",
    )
    powering.add_argument(
        "--case",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        dest="cases",
        help="case file (repeatable); by default every fixtures/*/case.toml",
    )
    powering.set_defaults(command=_power)
    for command in (comparing, powering):
        command.add_argument(
            "--format", choices=("text", "markdown"), default="text", help="for a terminal (default) or a pull request"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
