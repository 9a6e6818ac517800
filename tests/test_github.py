"""What GitHub is shown: in full where it fits, as text whatever the data contains, and within its limits."""

from __future__ import annotations

import dataclasses
import importlib.util
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from harness.gates import Verdict, no_worse_than_stored
from harness.github import (
    SUMMARY_BYTES,
    cut_lines,
    markdown_text,
    plain_text,
    step_summary,
    workflow_commands,
    write_summary,
)
from harness.metrics import METRICS

SPEC = importlib.util.spec_from_file_location("report_fixtures", Path(__file__).parent / "report" / "conftest.py")
FIXTURES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(FIXTURES)
report, without_standard, partly_undefined = (
    getattr(FIXTURES, name) for name in ("report", "without_standard", "partly_undefined")
)

NO_WIDTH = "\u200b"
HOSTILE = [
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    "a | b \\| c \\",
    "**bold** _thin_ ~~gone~~ `code` ``",
    "[text](https://evil.example) ![image](//evil.example/x.png) <https://evil.example>",
    "&lt;b&gt; &amp; &#124;",
    "# title",
    "- list\n1. list\n\n    code\n---\n> quote",
    "$x$ $$y$$",
    "\\*escaped\\*",
    "[a]: https://evil.example 'x'",
]


class Shown(HTMLParser):
    """The tags of a page in order, and its text."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.words = ""
        self.in_cell = False
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))
        self.close()

    def handle_starttag(self, tag, attrs):  # noqa: ARG002 - HTMLParser's
        self.tags.append(tag)
        if tag == "td":
            self.cells.append("")
        self.in_cell = tag == "td" or (self.in_cell and tag == "span")

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag != "td"

    def handle_data(self, data):
        self.words += data
        if self.in_cell:
            self.cells[-1] += data.replace(NO_WIDTH, "")

    @property
    def text(self) -> str:
        return self.words.replace(NO_WIDTH, "")


def verdict(answer: str = "fail", message: str = "m", **changes) -> Verdict:
    known = Verdict("baseline", "lora", "margin", answer, 0.1, 0.2, message)
    return dataclasses.replace(known, **changes)


# --- text -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("evil", HOSTILE)
def test_text_is_shown_as_it_is(evil):
    shown = Shown(f"| {markdown_text(evil)} | b |\n|---|---|\n| {markdown_text(evil)} | {markdown_text(evil)} |\n")
    kept = ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    assert kept == [tag for tag in shown.tags if tag != "span"]
    assert [" ".join(evil.split())] * 2 == shown.cells


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("@octocat", f"@{NO_WIDTH}octocat"),
        ("a@b.example", f"a@{NO_WIDTH}b.example"),
        ("owner/name#1", f"owner/name#{NO_WIDTH}1"),
        ("https://evil.example", f"https:{NO_WIDTH}//evil.example"),
        ("www.evil.example", f"www.{NO_WIDTH}evil.example"),
        (":tada:", f":{NO_WIDTH}tada:"),
    ],
)
def test_what_github_looks_for_in_the_text_is_broken_up(text, broken):
    assert broken == Shown(markdown_text(text)).words.strip()


def test_usual_messages_stay_readable_in_the_source():
    usual = "lora spearman 0.612, stored 0.662, tolerance 0.010: worse by 0.050; 95 % (of 295 pairs): 3/4 = 75.0%"
    assert usual == markdown_text(usual)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\n b\tc", "a b c"),
        ("\x1b[31mred\x00", "<U+001B>[31mred<U+0000>"),
        ("\u202eright", "<U+202E>right"),
        ("half \ud800", "half <U+D800>"),
        ("\u05e9\u05dc \U0001f468\u200d\U0001f469", "\u05e9\u05dc \U0001f468\u200d\U0001f469"),
        ("x" * 2000, "x" * 2000),
        ("x" * 12_000, "x" * 2000 + " ... (10,000 characters more)"),
    ],
)
def test_plain_text_is_one_visible_line(text, shown):
    assert shown == plain_text(text)
    shown.encode()


# --- the summary ----------------------------------------------------------------------------------------------------


def test_summary_of_a_good_run(report):
    text = Shown(step_summary([report])).text
    assert "synthetic: pass. Nothing is worse than stored; lora reaches " in text
    assert f"{len(report.verdicts)} gates pass, 0 fail, 0 are inconclusive." in text
    assert "report.html" in text


def test_summary_shows_every_value(report):
    cells = Shown(step_summary([report])).cells
    rows = [cells[at : at + 6] for at in range(0, len(cells), 6)]
    assert [(model, metric) for model in report.runs for metric in METRICS] == [
        (row[0], next(name for name, metric in METRICS.items() if row[1].startswith(metric.title))) for row in rows
    ]
    auc = report.runs["lora"].evaluation.metrics["auc_roc"].value
    assert ["lora", "AUC-ROC", f"{auc:.3f}", f"{auc:.3f}", "0.000", "pass"] in rows
    count = report.runs["base"].evaluation.metrics["false_positives"].value
    assert ["base", "False positives (lower is better)", f"{count:.0f}", f"{count:.0f}", "0", "pass"] in rows


def test_summary_shows_a_change_with_its_sign_and_names_what_fails(report):
    stored = report.baseline.models["lora"].metrics["auc_roc"].value
    run = report.runs["lora"]
    worse = dataclasses.replace(run.evaluation.metrics["auc_roc"], value=stored - 0.2)
    evaluation = dataclasses.replace(run.evaluation, metrics={**run.evaluation.metrics, "auc_roc": worse})
    judged = no_worse_than_stored("lora", "auc_roc", worse, report.baseline, report.baseline.origin)
    others = (v for v in report.verdicts if (v.model, v.metric) != ("lora", "auc_roc"))
    changed = dataclasses.replace(
        report,
        runs={**report.runs, "lora": dataclasses.replace(run, evaluation=evaluation)},
        verdicts=(judged, *others),
    )
    shown = Shown(step_summary([changed]))
    assert ["fail", "baseline", judged.message] == shown.cells[:3]
    at = shown.cells.index(f"{stored - 0.2:.3f}")
    assert [f"{stored:.3f}", "-0.200", "fail"] == shown.cells[at + 1 : at + 4]
    assert f"synthetic: fail. Blocked: {judged.message}" in shown.text


def test_summary_of_another_base_shows_no_change(report):
    origin = report.baseline.origin.model_copy(update={"base_digest": "c" * 64})
    observed = report.runs["lora"].evaluation.metrics["margin"]
    judged = no_worse_than_stored("lora", "margin", observed, report.baseline, origin)
    cells = Shown(step_summary([dataclasses.replace(report, verdicts=(judged,))])).cells
    assert 1 == cells.count("not comparable")
    assert len(METRICS) * len(report.runs) - 1 == cells.count("unknown") == cells.count("not gated")


def test_summary_of_a_broken_run(partly_undefined, without_standard, report):
    broken = Shown(step_summary([partly_undefined]))
    assert 2 * len(METRICS) == broken.cells.count("undefined")  # value and change
    assert "nan" not in broken.text.lower()
    assert "Blocked: standard not measured." in Shown(step_summary([without_standard])).text
    nothing = dataclasses.replace(report, runs={}, verdicts=(), baseline=None)
    assert "Blocked: base, standard and lora not measured." in Shown(step_summary([nothing])).text
    assert "No case was measured." in step_summary([])


@pytest.mark.parametrize("evil", HOSTILE)
def test_summary_shows_data_as_text(evil, report):
    good = Shown(step_summary([dataclasses.replace(report, verdicts=(verdict(), *report.verdicts))]))
    bad = Shown(step_summary([dataclasses.replace(report, verdicts=(verdict(message=evil), *report.verdicts))]))
    assert good.tags == [tag for tag in bad.tags if tag != "span"]
    assert " ".join(evil.split()) == bad.cells[2]


def test_summary_keeps_the_limit_and_says_what_is_cut(report):
    many = tuple(verdict(message=f"{index} \U0001f600 " + "&" * 3000, metric=f"m{index}") for index in range(500))
    reports = [dataclasses.replace(report, verdicts=many)] * 2
    text = step_summary(reports)
    assert SUMMARY_BYTES - 20_000 < len(text.encode()) <= 1_048_576
    assert 2 == text.count("synthetic: fail.**")
    last = text.rstrip().splitlines()[-1]
    assert last.startswith("**Cut here: ")
    assert last.endswith(" lines are left out, more than GitHub shows.**")


# --- cutting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", range(0, 400, 7))
def test_cut_keeps_whole_lines_and_counts_the_rest(limit):
    lines = [f"line {index} \u00e9" for index in range(30)]
    text = cut_lines("\n".join(lines) + "\n", limit)
    assert len(text.encode()) <= limit
    assert text or limit < 80, "the note alone takes less"
    if text and "Cut here" in text:
        kept, _, note = text.rstrip().rpartition("\n")
        kept = kept.split("\n")[:-1] if kept else []  # an empty line ends a table
        assert lines[: len(kept)] == kept
        assert f"**Cut here: {30 - len(kept)} of 30 lines are left out, more than GitHub shows.**" == note.strip()
    elif text:
        assert "\n".join(lines) + "\n" == text


def test_a_text_that_fits_is_not_cut():
    assert "a\nb" == cut_lines("a\nb", 3)


def test_summary_is_appended(tmp_path):
    path = tmp_path / "summary.md"
    write_summary(path, "one\n")
    write_summary(path, "two \U0001f600\n")
    assert "one\ntwo \U0001f600\n".encode() == path.read_bytes()


def test_appending_keeps_the_limit_of_the_whole_file(tmp_path):
    path = tmp_path / "summary.md"
    before = b"x" * (SUMMARY_BYTES - 200)
    path.write_bytes(before)
    write_summary(path, "line\n" * 100)
    content = path.read_bytes()
    assert content.startswith(before + b"line\n")
    assert b"lines are left out" in content
    assert len(content) <= SUMMARY_BYTES


# --- annotations ----------------------------------------------------------------------------------------------------


def test_failures_are_errors_and_the_uncertain_are_warnings():
    answers = [verdict("inconclusive", "noisy"), verdict("pass"), verdict("fail", "worse")]
    assert [
        "::error title=dating%3A baseline lora margin::worse",
        "::warning title=dating%3A baseline lora margin::noisy",
    ] == workflow_commands({"dating": answers})


def test_nothing_to_say_is_nothing():
    assert [] == workflow_commands({"dating": [verdict("pass")], "other": []})


@pytest.mark.parametrize(
    ("text", "data", "title"),
    [
        ("50%", "50%25", "50%25"),
        ("%0A", "%250A", "%250A"),
        ("a\r\nb", "a%0D%0Ab", "a b"),
        ("a: b, c", "a: b, c", "a%3A b%2C c"),
        ("::error::x", "::error::x", "%3A%3Aerror%3A%3Ax"),
        ("x\x1b\ud800", "x<U+001B><U+D800>", "x<U+001B><U+D800>"),
    ],
)
def test_workflow_commands_are_escaped(text, data, title):
    (command,) = workflow_commands({"c": [verdict("fail", text, metric=text)]})
    assert f"::error title=c%3A baseline lora {title}::{data}" == command


def test_a_gate_about_the_whole_case_has_a_title():
    (command,) = workflow_commands({"c": [verdict("fail", "no", name="comparable", model="", metric="")]})
    assert "::error title=c%3A comparable::no" == command


def test_only_as_many_annotations_as_github_shows():
    ten = [verdict("fail", str(index)) for index in range(10)]
    assert 10 == len(workflow_commands({"c": ten}))
    commands = workflow_commands({"c": ten, "d": [verdict("fail", "last"), verdict("inconclusive")]})
    assert 11 == len(commands)
    assert "::error title=2 more::2 more: fail. The summary has them all." == commands[9]
    assert commands[10].startswith("::warning ")


def test_a_very_long_message_is_shortened():
    (command,) = workflow_commands({"c" * 5000: [verdict("fail", "x" * 100_000)]})
    assert len(command) < 2500
    assert command.endswith("x ... (98,000 characters more)")
