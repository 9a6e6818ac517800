"""The summary says first what blocks, shows every value, and shows data as text, whatever it contains."""

from __future__ import annotations

import dataclasses
import math
import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from harness import gates
from harness.charts import CHARTS
from harness.gates import Verdict
from harness.metrics import METRICS
from harness.report import RenderedChart, headline, summary_html, worst_pairs

if TYPE_CHECKING:
    from harness.report import CaseReport

VOID = {"meta", "img"}
KNOWN = {
    *("meta", "style", "div", "section", "header", "h2", "h3", "h4", "p", "span", "strong", "small", "dl", "dt", "dd"),
    *("figure", "figcaption", "img", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"),
}


class Page(HTMLParser):
    """The elements of a page in order, what it shows, and whether its tags match."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()
        assert [] == self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag == self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(report: CaseReport, charts=()) -> Page:
    return Page(summary_html([report], {report.case.name: charts}))


def verdict(name: str, outcome: str, metric: str = "texts", message: str = "") -> Verdict:
    return Verdict(name, "lora", metric, outcome, 0.0, 1.0, message or f"lora {metric}: {name}")


def test_headline_of_a_good_run_names_the_share(report):
    word, sentence = headline(report)
    share = next(verdict.observed for verdict in report.verdicts if verdict.name == "share")
    assert ("pass", f"Nothing is worse than stored; lora reaches {share:.0%} of standard in Spearman correlation.") == (
        word,
        sentence,
    )


def test_headline_names_the_cause_first_and_the_rest_after(report):
    failed = (
        verdict("memory", "fail", "train"),
        verdict("baseline", "fail", "spearman"),
        verdict("diverges", "fail", "texts", "lora texts: the output is the base's: was the adapter applied?"),
    )
    word, sentence = headline(dataclasses.replace(report, verdicts=(*report.verdicts, *failed)))
    assert "fail" == word
    expected = (
        "Blocked: lora texts: the output is the base's: was the adapter applied?; also lora spearman and lora train."
    )
    assert expected == sentence


def test_headline_counts_what_it_does_not_name(report):
    failed = tuple(verdict("baseline", "fail", metric) for metric in METRICS)
    sentence = headline(dataclasses.replace(report, verdicts=failed))[1]
    expected = (
        "Blocked: lora spearman: baseline; also lora margin, lora cohens_d, lora auc_roc, lora best_f1 and 2 more."
    )
    assert expected == sentence


def test_headline_names_a_missing_model(without_standard):
    assert ("fail", "Blocked: standard not measured.") == headline(without_standard)


def test_headline_of_an_uncertain_run(report):
    uncertain = gates.no_slower("lora", 32, 1.2, 1.0, 1.3, 1.15)
    word, sentence = headline(dataclasses.replace(report, verdicts=(*report.verdicts, uncertain)))
    assert "inconclusive" == word
    assert uncertain.message in sentence


def test_headline_without_gates(report):
    assert ("inconclusive", "Measured, but no gate ran.") == headline(dataclasses.replace(report, verdicts=()))
    hard_only = tuple(verdict for verdict in report.verdicts if verdict.name == "memory")
    assert ("pass", "No gate fails.") == headline(dataclasses.replace(report, verdicts=hard_only))


def test_headline_and_failures_come_before_the_tables(report):
    failed = verdict("diverges", "fail", message="the first thing to read")
    text = page(dataclasses.replace(report, verdicts=(*report.verdicts, failed))).text
    assert text.startswith("synthetic fail Blocked: the first thing to read")
    assert text.index("What did not pass") < text.index("Metrics")


def test_every_metric_of_every_model_is_shown_with_what_it_is_held_against(report):
    text = page(report).text
    for name, metric in METRICS.items():
        assert metric.title in text
        for model, run in report.runs.items():
            stored = report.baseline.models[model].metrics[name]
            value, was, tolerance = (
                gates.number(number, metric.unit).replace("-", "\N{MINUS SIGN}")
                for number in (run.evaluation.metrics[name].value, stored.value, stored.tolerance)
            )
            zero = gates.number(0, metric.unit)
            assert f"{value} pass stored {was} change {zero} tolerance {tolerance}" in text


def test_a_change_has_its_sign_and_its_verdict(report):
    stored = report.baseline.models["lora"].metrics["auc_roc"].value
    run = report.runs["lora"]
    worse = dataclasses.replace(run.evaluation.metrics["auc_roc"], value=stored - 0.2)
    metrics = {**run.evaluation.metrics, "auc_roc": worse}
    run = dataclasses.replace(run, evaluation=dataclasses.replace(run.evaluation, metrics=metrics))
    judged = gates.no_worse_than_stored("lora", "auc_roc", worse, report.baseline, report.baseline.origin)
    verdicts = (judged, *(v for v in report.verdicts if (v.model, v.metric) != ("lora", "auc_roc")))
    shown = page(dataclasses.replace(report, runs={**report.runs, "lora": run}, verdicts=verdicts))
    assert f"{stored - 0.2:.3f} fail stored {stored:.3f} change \N{MINUS SIGN}0.200" in shown.text
    assert judged.message in shown.text


def test_other_data_than_stored_shows_no_change(report):
    other = dataclasses.replace(report, pairs=dataclasses.replace(report.pairs, digest="f" * 64), verdicts=())
    assert page(other).text.count("change not comparable") == len(METRICS) * len(report.runs)


def test_another_base_than_stored_shows_no_change(report):
    origin = report.baseline.origin.model_copy(update={"base_digest": "c" * 64})
    observed = report.runs["lora"].evaluation.metrics["margin"]
    judged = gates.no_worse_than_stored("lora", "margin", observed, report.baseline, origin)
    assert page(dataclasses.replace(report, verdicts=(judged,))).text.count("change not comparable") == 1


def test_models_are_shown_with_what_they_cost(report):
    text = page(report).text
    assert "lora 22,786,944 73,728 (0.3%) bf16 73.3 s 1,033 MB 1.3 s for 180 texts 612 MB" in text
    assert "base 22,713,216 not trained" in text


def test_false_positives_are_counted_by_pair_type(report):
    cells = [
        "{false_positives} of {negatives}".format(
            **run.evaluation.metrics["false_positives"].details["by_pair_type"]["dealbreaker"]
        )
        for run in report.runs.values()
    ]
    assert f"dealbreaker {' '.join(cells)}" in page(report).text


@pytest.mark.parametrize("model", ["base", "standard", "lora"])
def test_worst_pairs_are_the_negatives_with_the_highest_scores(report, model):
    rows = list(zip(report.pairs, report.runs[model].evaluation.scores, strict=True))
    brute_force = sorted((row for row in rows if row[0].label == 0), key=lambda row: row[1], reverse=True)[:10]
    assert brute_force == worst_pairs(report, model)
    text = page(report).text
    for pair, score in brute_force:
        shown = f"{score:.3f}".replace("-", "\N{MINUS SIGN}")
        assert f"{pair.text_1} {pair.text_2} 0 {pair.pair_type} {shown}" in text


def test_worst_pairs_with_the_same_score_do_not_depend_on_the_order_of_the_file(report):
    def tied(pairs):
        evaluation = dataclasses.replace(report.runs["lora"].evaluation, scores=(0.5,) * len(pairs))
        run = dataclasses.replace(report.runs["lora"], evaluation=evaluation)
        return dataclasses.replace(
            report, pairs=dataclasses.replace(report.pairs, pairs=tuple(pairs)), runs={**report.runs, "lora": run}
        )

    pairs = report.pairs.pairs
    assert worst_pairs(tied(pairs), "lora") == worst_pairs(tied(pairs[::-1]), "lora")


def test_pairs_without_a_score_are_not_the_worst(report, undefined_report):
    assert [] == worst_pairs(undefined_report, "lora")
    scores = (math.nan, *report.runs["lora"].evaluation.scores[1:])
    run = dataclasses.replace(
        report.runs["lora"], evaluation=dataclasses.replace(report.runs["lora"].evaluation, scores=scores)
    )
    some = dataclasses.replace(report, runs={**report.runs, "lora": run})
    assert report.pairs.pairs[0].label == 0
    assert report.pairs.pairs[0] not in [pair for pair, _ in worst_pairs(some, "lora", 90)]


@pytest.mark.parametrize("kind", ["without_standard", "partly_undefined", "undefined_report"])
def test_a_broken_run_has_a_summary(kind, request):
    report = request.getfixturevalue(kind)
    text = page(report).text
    assert "nan" not in text.lower()
    assert ("undefined" in text) == (kind != "without_standard")


def test_nothing_known_has_a_summary(report):
    empty = dataclasses.replace(report, runs={}, verdicts=(), baseline=None, planes={})
    assert "Blocked: base, standard and lora not measured." in page(empty).text
    assert "No case was measured." in Page(summary_html([], {})).text


HOSTILE = [
    "<script>alert(1)</script>",
    "</style></div></section><script src=//evil></script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "' onmouseover='alert(1)",
    "\u202eright-to-left \u05e9\u05dc\u05d5\u05dd \U0001f600",
    "word" * 2500,
]


@pytest.mark.parametrize("evil", HOSTILE)
def test_data_is_shown_as_text(evil, rewritten):
    report = rewritten(
        lambda pair: dataclasses.replace(
            pair, text_1=f"{evil} {pair.text_1}", category=evil, pair_type=f"{evil} {pair.pair_type}"
        )
    )
    failed = verdict("baseline", "fail", f"{evil}/margin", f"lora {evil} margin: worse")
    report = dataclasses.replace(report, verdicts=(*report.verdicts, failed))
    shown = page(report, [RenderedChart("roc", evil, evil, evil, b"", "image/svg+xml", wide=True)])
    assert {tag for tag, _ in shown.elements} <= KNOWN
    assert not [key for _, attributes in shown.elements for key in attributes if key.startswith("on")]
    assert f"{evil} boy: left 0" in shown.text
    assert f"Blocked: lora {evil} margin: worse" in shown.text
    assert [evil] == [image["alt"] for image in shown.all("img")]


def test_what_html_cannot_hold_is_replaced(rewritten):
    report = rewritten(lambda pair: dataclasses.replace(pair, text_1=f"a\x00b\ud800c\x1b {pair.text_1}"))
    html = summary_html([report], {})
    assert "a\u2400b\ufffdc\u241b boy: left 0" in html
    html.encode("utf-8")


def test_every_chart_is_a_figure_with_words(report, charts):
    shown = page(report, charts)
    assert len(CHARTS) == len(shown.all("figure")) == len(shown.all("figcaption"))
    assert [chart.alt for chart in charts] == [image["alt"] for image in shown.all("img")]


def test_nothing_is_asked_of_any_server(report, charts):
    html = summary_html([report], {report.case.name: charts})
    assert all(image["src"].startswith("data:image/") for image in Page(html).all("img"))
    assert not re.search(r"https?://|url\(|@import|<link|<script", html)


def test_summary_is_small_and_the_same_twice(report, charts):
    first, second = (summary_html([report], {report.case.name: charts}) for _ in range(2))
    assert first == second
    assert len(first) < 2_000_000


def test_colours_of_the_page_have_enough_contrast():
    style = files("harness").joinpath("templates/style.css").read_text(encoding="utf-8")
    blocks = re.findall(r"--paper:.*?\}", style, re.DOTALL)
    assert 2 == len(blocks)  # light and dark
    for block in blocks:
        colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        on_paper = [(name, "paper") for name in ("ink", "quiet", "pass", "unsure")]
        on_bands = [("ink", f"{word}-band") for word in ("pass", "fail", "unsure")] + [
            ("quiet", "band"),
            ("ink", "band"),
        ]
        words = [("pass", "pass-band"), ("unsure", "unsure-band"), ("fail-band", "fail")]
        for front, back in (*on_paper, *on_bands, *words):
            assert contrast(colour[front], colour[back]) >= 4.5, (front, back)


def contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)
