"""GitHub is shown all of it where it fits, as text whatever the data contains, and within its limits."""

import pytest

from harness.metrics import METRICS
from harness.report.github import (
    SUMMARY_BYTES,
    cut_lines,
    markdown_text,
    step_summary,
    workflow_commands,
    write_summary,
)

from ..synthetic import verdict, with_case, with_metric
from .pages import NO_WIDTH, Markdown

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


def failed(outcome="fail", message="m", **about):
    return verdict("metric", outcome, message, **{"model": "lora", "metric": "margin", **about})


def shown(report, **changes):
    return Markdown(step_summary({report.name: with_case(report, **changes).case}))


@pytest.mark.parametrize("evil", HOSTILE)
def test_text_is_shown_as_it_is(evil):
    shown = Markdown(f"| {markdown_text(evil)} | b |\n|---|---|\n| {markdown_text(evil)} | {markdown_text(evil)} |\n")
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
    assert broken == Markdown(markdown_text(text)).words.strip()


def test_usual_messages_stay_readable_in_the_source():
    usual = "lora spearman 0.612, stored 0.662, tolerance 0.010: worse by 0.050; 95 % (of 295 pairs): 3/4 = 75.0%"
    assert usual == markdown_text(usual)


def test_the_summary_shows_every_value(report):
    found = shown(report)
    assert "synthetic: may ship: yes. Nothing is worse than stored. Spearman correlation of lora is " in found.text
    assert f"{len(report.case.verdicts)} gates, all pass." in found.text
    rows = [found.cells[at : at + 6] for at in range(0, len(found.cells), 6)]
    assert len(rows) == len(METRICS) * len(report.models)
    auc = report.models["lora"].metrics["auc_roc"].value
    assert ["lora", "AUC-ROC", f"{auc:.3f}", f"{auc:.3f}", "0.000", "pass"] in rows
    count = report.models["base"].metrics["false_positives"].value
    assert ["base", "False positives (lower is better)", f"{count:.0f}", f"{count:.0f}", "0", "pass"] in rows


def test_a_change_has_its_sign_and_a_failure_its_examples(report):
    stored = report.models["lora"].metrics["auc_roc"].value
    worse = with_metric(report, "lora", "auc_roc", value=stored - 0.2, outcome="fail")
    found = shown(worse, expected=1, verdicts=(failed(message="worse by 0.200", examples=("a and b",)),))
    assert found.cells[:3] == ["fail", "metric", "worse by 0.200; now wrong: a and b"]
    at = found.cells.index(f"{stored - 0.2:.3f}")
    assert found.cells[at + 1 : at + 4] == [f"{stored:.3f}", "-0.200", "fail"]
    assert "synthetic: may ship: no. lora is worse than its baseline: Margin 0.500, stored 0.500." in found.text
    unstored = shown(with_metric(report, "lora", "margin", stored=None, outcome=None))
    assert (unstored.cells.count("none"), unstored.cells.count("not gated")) == (2, 1)


def test_a_broken_run_has_a_summary(partly_undefined, without_standard):
    broken = shown(partly_undefined)
    assert broken.cells.count("undefined") == 2 * len(METRICS)  # value and change
    assert "nan" not in broken.text.lower()
    assert "may ship: no. standard not measured: out of memory." in shown(without_standard).text
    assert "No case was measured." in step_summary({})


@pytest.mark.parametrize("evil", HOSTILE)
def test_the_summary_shows_data_as_text(evil, report):
    good, bad = (shown(report, verdicts=(failed(message=words), *report.case.verdicts)) for words in ("tame", evil))
    assert good.tags == [tag for tag in bad.tags if tag != "span"]
    assert bad.cells[2] == " ".join(evil.split())


def test_the_summary_keeps_the_limit_and_says_what_is_cut(report):
    many = tuple(failed(message=f"{index} \U0001f600 " + "&" * 3000, category=f"c{index}") for index in range(500))
    case = with_case(report, verdicts=many).case
    text = step_summary({"one": case, "two": case})
    assert SUMMARY_BYTES - 20_000 < len(text.encode()) <= 1_048_576
    assert text.count(": may ship: no.**") == 2
    last = text.rstrip().splitlines()[-1]
    assert last.startswith("**Cut here: ")
    assert last.endswith(" lines are left out, more than GitHub shows.**")


@pytest.mark.parametrize("limit", range(0, 400, 7))
def test_cut_keeps_whole_lines_and_counts_the_rest(limit):
    assert cut_lines("a\nb", 3) == "a\nb"
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


def test_appending_keeps_the_limit_of_the_whole_file(tmp_path):
    path = tmp_path / "summary.md"
    write_summary(path, "one\n")
    write_summary(path, "two \U0001f600\n")
    assert "one\ntwo \U0001f600\n".encode() == path.read_bytes()
    before = b"x" * (SUMMARY_BYTES - 200)
    path.write_bytes(before)
    write_summary(path, "line\n" * 100)
    content = path.read_bytes()
    assert content.startswith(before + b"line\n")
    assert b"lines are left out" in content
    assert len(content) <= SUMMARY_BYTES


def commands(report, *verdicts):
    return workflow_commands({"c": with_case(report, verdicts=verdicts).case})


def test_failures_are_errors_and_the_uncertain_are_warnings(report):
    assert commands(report, failed("inconclusive", "noisy"), failed("pass"), failed("fail", "worse")) == [
        "::error title=c%3A metric lora-margin::worse",
        "::warning title=c%3A metric lora-margin::noisy",
    ]
    assert commands(report, failed("pass")) == []
    assert commands(report, verdict("baseline", "fail", "no")) == ["::error title=c%3A baseline::no"]


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
def test_workflow_commands_are_escaped(text, data, title, report):
    assert commands(report, failed("fail", text, category=text, model="")) == [
        f"::error title=c%3A metric margin-{title}::{data}"
    ]


def test_only_as_many_annotations_as_github_shows(report):
    ten = [failed("fail", str(index)) for index in range(10)]
    assert len(commands(report, *ten)) == 10
    found = commands(report, *ten, failed("fail", "last"), failed("inconclusive"))
    assert len(found) == 11
    assert found[9] == "::error title=2 more::2 more: fail. The summary has them all."
    assert found[10].startswith("::warning ")
    (command,) = workflow_commands({"c" * 5000: with_case(report, verdicts=(failed("fail", "x" * 100_000),)).case})
    assert len(command) < 2500
    assert command.endswith("x ... (98,000 characters more)")
