"""What GitHub Actions shows of a run: a Markdown summary, and annotations. Its contracts and limits are kept here.

Texts and names come from data. Whatever they contain, they are shown as text: nothing in them becomes Markdown, HTML, a
mention, a link or a workflow command.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING

from harness.gates import number
from harness.metrics import METRICS
from harness.report import headline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.gates import Verdict
    from harness.report import CaseReport

SUMMARY_BYTES = 1024 * 1024
"""The most that a step may write to its summary; of a longer one GitHub shows nothing at all."""

ANNOTATIONS = 10
"""How many errors, and how many warnings, GitHub shows of a step; it drops the rest without a word."""

_MORE = (
    "More: `report.html` has the charts and the pairs that are wrong, `results.json` every number; both are in the "
    "run's reports directory. `python -m harness compare` holds two `results.json` against each other."
)
_COMMANDS = {"fail": "error", "inconclusive": "warning"}
_TEXT = 2_000  # characters of one text: a message may hold a text of any length
_TITLE = 255  # characters

# Control characters but tab and line ends, marks that turn the direction of what follows, and half characters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

_MARKDOWN = re.compile(r"[\\`*_\[\]~!<>&|$@#]|:(?=//|[\w+-]+:)|(?<=www)\.", re.IGNORECASE)
# A backslash stops Markdown, but not what GitHub makes of the finished page: there a character without width, between
# the mark and the name, keeps `@name`, `#1`, `:name:` and links from being recognised.
_NO_WIDTH = "&#8203;"
_ESCAPED = {
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "|": "&#124;",  # a backslash before it is read differently by different parsers of tables
    "$": "<span>$</span>",  # GitHub's own way to show one that begins no formula
    "@": "@" + _NO_WIDTH,
    "#": "\\#" + _NO_WIDTH,
    ":": ":" + _NO_WIDTH,
    ".": "." + _NO_WIDTH,
}


def step_summary(reports: Sequence[CaseReport]) -> str:
    """The run as Markdown for `$GITHUB_STEP_SUMMARY`: the answers, what does not pass, and every value.

    Args:
        reports: The cases.

    Returns:
        At most `SUMMARY_BYTES` bytes of UTF-8. What is cut is said in the last line.
    """
    lines = ["## Embedding evaluation", ""]
    # All answers come first: whatever is cut, it is not an answer.
    for report in reports:
        word, sentence = headline(report)
        lines.append(f"- **{markdown_text(report.case.name)}: {word}.** {markdown_text(sentence)}")
    lines += [] if reports else ["No case was measured."]
    lines += ["", _MORE]
    for report in reports:
        lines += _case_lines(report)
    return cut_lines("\n".join(lines) + "\n", SUMMARY_BYTES)


def workflow_commands(verdicts: Mapping[str, Iterable[Verdict]]) -> list[str]:
    """Workflow commands that make failures errors, and what is inconclusive warnings, for printing a line each.

    Args:
        verdicts: Case name -> the answers of its gates, causes before their consequences.

    Returns:
        At most `ANNOTATIONS` of each kind; where there are more, the last one says how many.
    """
    commands = []
    for word, command in _COMMANDS.items():
        found = [(case, answer) for case, answers in verdicts.items() for answer in answers if answer.verdict == word]
        shown = found if len(found) <= ANNOTATIONS else found[: ANNOTATIONS - 1]
        for case, verdict in shown:
            title = " ".join(part for part in (verdict.name, verdict.model, verdict.metric) if part)
            commands.append(_command(command, f"{case}: {title}", verdict.message))
        if rest := len(found) - len(shown):
            commands.append(_command(command, f"{rest} more", f"{rest} more: {word}. The summary has them all."))
    return commands


def write_summary(path: Path, text: str) -> None:
    """Appends to the file that `GITHUB_STEP_SUMMARY` names, cut so that the whole file is one that GitHub shows.

    Args:
        path: The file. What other tools wrote there before stays.
        text: Markdown, as from `step_summary`.
    """
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(cut_lines(text, SUMMARY_BYTES - file.tell()))


def cut_lines(text: str, limit: int) -> str:
    """The text's first lines, as many as fit, and a last line that says how many were left out.

    Args:
        text: Markdown.
        limit: The most bytes of UTF-8 of what comes back.

    Returns:
        The text itself where it fits; empty where not even the last line does.
    """
    if len(text.encode()) <= limit:
        return text
    lines = text.splitlines(keepends=True)

    def note(left_out: int) -> str:
        return f"\n**Cut here: {left_out:,} of {len(lines):,} lines are left out, more than GitHub shows.**\n"

    room = limit - len(note(len(lines)).encode())
    kept = bisect_right(list(accumulate(len(line.encode()) for line in lines)), room)
    return "".join(lines[:kept]) + note(len(lines) - kept) if room >= 0 else ""


def markdown_text(text: str) -> str:
    """A text for the inside of a Markdown line or table cell that GitHub shows as it is, in one line."""
    return _MARKDOWN.sub(lambda found: _ESCAPED.get(found[0], "\\" + found[0]), plain_text(text))


def plain_text(text: str) -> str:
    r"""A text in one line, shortened where it is very long, with a name for whatever cannot be seen.

    Example:
        >>> plain_text("two\nlines \x1b[2J")
        'two lines <U+001B>[2J'
    """
    shown = " ".join(_visible(text).split())
    rest = len(shown) - _TEXT
    return shown if rest <= 0 else f"{shown[:_TEXT]} ... ({rest:,} characters more)"


def signed(value: float, unit: str = "") -> str:
    """A change for people, with its sign; no sign where it is nothing at the shown precision."""
    shown = number(abs(value), unit)
    sign = "" if math.isnan(value) or not float(shown) else "+" if value > 0 else "-"
    return sign + shown


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table; the cells must be escaped."""
    return [f"| {' | '.join(cells)} |" for cells in (titles, ["---"] * len(titles), *rows)]


def _case_lines(report: CaseReport) -> Iterator[str]:
    counts = Counter(verdict.verdict for verdict in report.verdicts)
    yield from ("", f"### {markdown_text(report.case.name)}", "")
    if report.candidate is not None:
        yield from (f"Gated: {markdown_text(report.candidate.words)}.", "")
    yield f"{counts['pass']} gates pass, {counts['fail']} fail, {counts['inconclusive']} are inconclusive."
    problems = [verdict for word in _COMMANDS for verdict in report.verdicts if verdict.verdict == word]
    if problems:
        yield ""
        yield from table(
            ["verdict", "gate", "what it saw"],
            ([verdict.verdict, markdown_text(verdict.name), markdown_text(verdict.message)] for verdict in problems),
        )
    if report.measured:
        yield ""
        yield from table(
            ["model", "metric", "value", "stored", "change", "verdict"],
            (_metric_row(report, model, metric) for model in report.measured for metric in METRICS),
        )


def _metric_row(report: CaseReport, model: str, metric: str) -> list[str]:
    value, unit = report.runs[model].evaluation.metrics[metric].value, METRICS[metric].unit
    stored, verdict = report.stored(model, metric), report.verdict(model, metric)
    if stored is None:
        change = "none"
    elif verdict is None or math.isnan(verdict.reference):  # the gate alone knows the data and base of both
        change = "unknown" if verdict is None else "not comparable"
    else:
        change = "undefined" if math.isnan(value) else signed(value - stored.value, unit)
    direction = "" if METRICS[metric].direction == "higher" else " (lower is better)"
    return [
        markdown_text(model),
        METRICS[metric].title + direction,
        "undefined" if math.isnan(value) else number(value, unit),
        number(stored.value, unit) if stored else "none",
        change,
        verdict.verdict if verdict else "not gated",
    ]


def _command(command: str, title: str, message: str) -> str:
    """One workflow command: https://docs.github.com/actions/reference/workflow-commands-for-github-actions."""
    rest = len(message) - _TEXT
    shown = message if rest <= 0 else f"{message[:_TEXT]} ... ({rest:,} characters more)"
    short = _data(plain_text(title)[:_TITLE]).replace(":", "%3A").replace(",", "%2C")
    return f"::{command} title={short}::{_data(_visible(shown))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _visible(text: str) -> str:
    return _INVISIBLE.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)
