"""A run for GitHub Actions: a Markdown summary, and annotations. Its contracts and limits are kept here.

Texts and names come from data. Whatever they contain, they are shown as text: nothing in them becomes Markdown, HTML, a
mention, a link or a workflow command.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from harness.gates import Outcome
from harness.metrics import METRICS
from harness.report.headline import candidate_words, counts_words, headline, of_outcome
from harness.results import CaseResults, MetricEntry
from harness.text import number, one_line, shortened, signed, visible

SUMMARY_BYTES = 1024 * 1024
"""The most that a step may write to its summary; of a longer one GitHub shows nothing at all."""

COMMENT_BYTES = 65_536 - 512
"""The most that GitHub takes as a comment, with room for the line by which `action.yml` finds its own again."""

ANNOTATIONS = 10
"""Number of errors, and of warnings, that GitHub shows of a step; it drops the rest without a word."""

_MORE = (
    "More: `report.html` has the charts and the pairs that are wrong, `results.json` every number; both are in the "
    "run's reports directory. `embedding-harness compare` holds two `results.json` against each other."
)
_COMMANDS: dict[Outcome, str] = {"fail": "error", "inconclusive": "warning"}
_TITLE = 255  # characters

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


def step_summary(cases: Mapping[str, CaseResults]) -> str:
    """Return the run as Markdown for `$GITHUB_STEP_SUMMARY`: the answers, what does not pass, and every value.

    At most `SUMMARY_BYTES` bytes of UTF-8: what is cut is said in the last line.
    """
    lines = ["## Embedding evaluation", ""]
    # All answers come first: whatever is cut, it is not an answer.
    for name, case in cases.items():
        found = headline(case)
        lines.append(f"- **{markdown_text(f'{name}: {found.answer}')}.** {markdown_text(found.sentence)}")
    lines += [] if cases else ["No case was measured."]
    lines += ["", _MORE]
    for name, case in cases.items():
        lines += _case_lines(name, case)
    return cut_lines("\n".join(lines) + "\n", SUMMARY_BYTES)


def pull_request_comment(cases: Mapping[str, CaseResults]) -> str:
    """Return the run as Markdown for a comment on a pull request: that of `step_summary`, cut to `COMMENT_BYTES`."""
    return cut_lines(step_summary(cases), COMMENT_BYTES)


def workflow_commands(cases: Mapping[str, CaseResults]) -> list[str]:
    """Return workflow commands that make failures errors and inconclusive verdicts warnings, a line each.

    At most `ANNOTATIONS` of each kind: where there are more, the last one says how many.
    """
    commands = []
    for outcome, command in _COMMANDS.items():
        found = [(name, verdict) for name, case in cases.items() for verdict in of_outcome(case, outcome)]
        shown = found if len(found) <= ANNOTATIONS else found[: ANNOTATIONS - 1]
        commands += [_command(command, f"{name}: {v.gate} {v.subject}".rstrip(), v.text) for name, v in shown]
        if rest := len(found) - len(shown):
            commands.append(_command(command, f"{rest} more", f"{rest} more: {outcome}. The summary has them all."))
    return commands


def write_summary(path: Path, text: str) -> None:
    """Append Markdown to the file that `GITHUB_STEP_SUMMARY` names, cut so that GitHub shows the whole file."""
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(cut_lines(text, SUMMARY_BYTES - file.tell()))


def cut_lines(text: str, limit: int) -> str:
    """Return the first lines of a Markdown text, and a last line that says how many were left out.

    As many as fit into `limit` bytes of UTF-8: the text itself, or nothing where not even the last line fits.
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
    """Return a text for the inside of a Markdown line or table cell that GitHub shows as it is, in one line."""
    return _MARKDOWN.sub(lambda found: _ESCAPED.get(found[0], "\\" + found[0]), one_line(text))


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; the cells must be escaped."""
    return [f"| {' | '.join(cells)} |" for cells in (titles, ["---"] * len(titles), *rows)]


def _case_lines(name: str, case: CaseResults) -> Iterator[str]:
    yield from ("", f"### {markdown_text(name)}", "")
    if case.candidate is not None:
        yield from (f"Gated: {markdown_text(candidate_words(case.candidate))}.", "")
    yield f"{counts_words(case)}."
    problems = [verdict for outcome in _COMMANDS for verdict in of_outcome(case, outcome)]
    if problems:
        yield ""
        yield from table(
            ["verdict", "gate", "message"],
            ([verdict.outcome, markdown_text(verdict.gate), markdown_text(verdict.text)] for verdict in problems),
        )
    if case.models:
        yield ""
        yield from table(
            ["model", "metric", "value", "stored", "change", "verdict"],
            (_metric_row(name, key, model.metrics[key]) for name, model in case.models.items() for key in METRICS),
        )


def _metric_row(model: str, metric: str, entry: MetricEntry) -> list[str]:
    row, stored, change = METRICS[metric], "none", "none"
    if entry.stored is not None:
        stored, change = number(entry.stored, row.unit), signed(entry.value - entry.stored, row.unit)
    title = row.title + ("" if row.direction == "higher" else " (lower is better)")
    return [markdown_text(model), title, number(entry.value, row.unit), stored, change, entry.outcome or "not gated"]


def _command(command: str, title: str, message: str) -> str:
    """Return a workflow command: https://docs.github.com/actions/reference/workflow-commands-for-github-actions."""
    short = _data(one_line(title)[:_TITLE]).replace(":", "%3A").replace(",", "%2C")
    return f"::{command} title={short}::{_data(visible(shortened(message)))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
