"""The summary says first what blocks, shows every value, and shows data as text, whatever it contains."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import gates
from harness.candidates import Candidate
from harness.charts import CHARTS
from harness.gates import Verdict
from harness.metrics import METRICS, MetricResult
from harness.report import DataTable, RenderedChart, headline, summary_html
from harness.statistics import Interval
from harness.uncertainty import Uncertainty

if TYPE_CHECKING:
    from harness.report import CaseReport

VOID = {"meta", "img", "input"}
KNOWN = {
    *("meta", "style", "div", "section", "header", "h2", "h3", "h4", "p", "span", "strong", "small", "dl", "dt", "dd"),
    *("figure", "figcaption", "img", "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("nav", "a", "ul", "li", "form", "label", "input", "select", "option", "output", "script"),
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
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(report: CaseReport, charts=()) -> Page:
    return Page(summary_html([report], {report.case.name: charts}))


def verdict(name: str, outcome: str, metric: str = "eval", message: str = "") -> Verdict:
    return Verdict(name, "lora", metric, outcome, 0.0, 1.0, message or f"lora {metric}: {name}")


def test_headline_of_a_good_run_names_the_share(report):
    word, sentence = headline(report)
    share = next(verdict.observed for verdict in report.verdicts if verdict.name == "share")
    assert ("pass", f"Nothing is worse than stored; lora reaches {share:.0%} of standard in Spearman correlation.") == (
        word,
        sentence,
    )


def better(report, count):
    """The report with that many values of lora better than stored by more than their tolerance, in its verdicts."""
    values = [report.stored("lora", metric).value for metric in ("spearman", "margin", "auc_roc")[:count]]
    judged = [
        gates.no_worse_than_stored("lora", metric, MetricResult(value + 2), report.baseline, report.baseline.origin)
        for metric, value in zip(("spearman", "margin", "auc_roc"), values, strict=False)
    ]
    assert {"pass"} == {verdict.verdict for verdict in judged}
    kept = [v for v in report.verdicts if v.metric not in {verdict.metric for verdict in judged}]
    return dataclasses.replace(report, verdicts=(*kept, *judged))


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "Nothing is worse than stored; 1 value is better than stored by more than its tolerance"),
        (3, "Nothing is worse than stored; 3 values are better than stored by more than their tolerance"),
    ],
)
def test_headline_says_that_a_baseline_could_be_raised(report, count, said):
    assert ("pass", f"{said}: consider --update-baselines.") == headline(better(report, count))
    gated = dataclasses.replace(better(report, count), candidate=Candidate("lora", "lora", Path("a"), "0" * 64))
    assert headline(gated)[1].endswith(f"{said[1:]}."), "what comes from elsewhere cannot be stored"


def test_headline_of_a_part_of_a_run_is_no_green_answer(report):
    part = dataclasses.replace(report, expected=len(report.verdicts) + 1)
    count = len(report.verdicts)
    expected = ("inconclusive", f"Only {count} of {count + 1} gates ran, and none of them fails.")
    assert expected == headline(part)


def test_headline_of_chosen_gates_says_first_how_many_ran(report):
    none = dataclasses.replace(report, runs={}, planes={}, verdicts=(), expected=130)
    passed, failed = verdict("ways", "pass", "", "lora ways: agree"), verdict("base", "fail", "", "lora base: another")
    unsure = verdict("data", "inconclusive", "", "lora data: not known")
    for verdicts, expected in (
        ((passed,), ("inconclusive", "Only 1 of 130 gates ran, and none of them fails.")),
        ((passed, failed), ("fail", "Only 2 of 130 gates ran. Blocked: lora base: another.")),
        (
            (passed, unsure),
            ("inconclusive", "Only 2 of 130 gates ran. Nothing fails, but not all is certain: lora data: not known."),
        ),
    ):
        chosen = dataclasses.replace(none, verdicts=verdicts)
        assert expected == headline(chosen)
        assert "not measured" not in page(chosen).text
    # Where an error kept gates from running, it is the answer.
    broken = dataclasses.replace(none, verdicts=(passed,), failures={"lora": "out of memory"})
    assert ("fail", "Blocked: base and standard not measured; lora not measured: out of memory.") == headline(broken)


def test_headline_of_a_refused_update_says_why(report):
    refused = dataclasses.replace(report, error="not updated, hard gates failed:\n  lora 40%")
    assert ("fail", "Blocked: not updated, hard gates failed: lora 40%.") == headline(refused)


def test_headline_names_the_cause_first_and_the_rest_after(report):
    failed = (
        verdict("memory", "fail", "train"),
        verdict("baseline", "fail", "spearman"),
        verdict("diverges", "fail", "eval", "lora on eval: the output is the base's: was the adapter applied?"),
    )
    word, sentence = headline(dataclasses.replace(report, verdicts=(*report.verdicts, *failed)))
    assert "fail" == word
    expected = (
        "Blocked: lora on eval: the output is the base's: was the adapter applied?; also lora spearman and lora train."
    )
    assert expected == sentence


def test_headline_counts_what_it_does_not_name(report):
    failed = tuple(verdict("baseline", "fail", metric) for metric in METRICS)
    sentence = headline(dataclasses.replace(report, verdicts=failed))[1]
    expected = (
        "Blocked: lora spearman: baseline; also lora margin, lora cohens_d, lora auc_roc, lora best_f1 and 2 more."
    )
    assert expected == sentence


def test_headline_names_the_proofs_of_a_candidate(report):
    failed = [verdict(proof, "fail", "") for proof in ("ways", "weights", "trained")]
    comparable = Verdict("comparable", "", "", "fail", 1.0, 0.0, "not comparable")
    sentence = headline(dataclasses.replace(report, verdicts=(*failed, comparable)))[1]
    assert "Blocked: lora : weights; also lora ways, lora trained and comparable." == sentence


def test_headline_names_a_missing_model(without_standard):
    assert ("fail", "Blocked: standard not measured.") == headline(without_standard)


def test_headline_says_why_a_model_is_missing(without_standard):
    report = dataclasses.replace(without_standard, failures={"standard": "out of\n  memory", "lora": "measured"})
    assert ("fail", "Blocked: standard not measured: out of memory.") == headline(report)
    assert "What was not measured standard : out of memory Metrics" in page(report).text
    digest = dataclasses.replace(report, failures={"standard": f"store/{'ab' * 32}: gone"})
    assert ("fail", "Blocked: standard not measured: store/abababababab…: gone.") == headline(digest)
    empty = dataclasses.replace(report, runs={}, failures=dict.fromkeys(report.case.model_names, "no disk"))
    assert headline(empty)[1].startswith("Blocked: base, standard and lora not measured: no disk")


def test_headline_of_an_uncertain_run(report):
    uncertain = gates.no_slower("lora", 32, 1.2, 1.0, 1.3, 1.15)
    word, sentence = headline(dataclasses.replace(report, verdicts=(*report.verdicts, uncertain)))
    assert "inconclusive" == word
    assert uncertain.message in sentence


def test_headline_of_a_strict_run_counts_what_is_uncertain_as_a_failure(report):
    unsure = verdict("trained", "inconclusive", "", "lora trained: not recorded")
    failed = verdict("baseline", "fail", "margin", "lora margin: worse")
    strictly = "Under --strict-verdicts, what is inconclusive counts as a failure."
    strict = dataclasses.replace(report, strict=True, verdicts=(*report.verdicts, unsure))
    assert ("fail", f"Blocked: lora trained: not recorded. {strictly}") == headline(strict)
    both = dataclasses.replace(strict, verdicts=(*strict.verdicts, failed))
    assert ("fail", f"Blocked: lora margin: worse; also lora trained. {strictly}") == headline(both)
    alone = dataclasses.replace(strict, verdicts=(*report.verdicts, failed))
    assert ("fail", "Blocked: lora margin: worse.") == headline(alone)
    assert "pass" == headline(dataclasses.replace(report, strict=True))[0]
    missing = dataclasses.replace(strict, runs={}, failures=dict.fromkeys(report.case.model_names, "no disk"))
    expected = "Blocked: base, standard and lora not measured: no disk; lora trained: not recorded."
    assert ("fail", f"{expected} {strictly}") == headline(missing)


def test_headline_without_gates(report):
    assert ("inconclusive", "No gate ran.") == headline(dataclasses.replace(report, verdicts=()))
    hard_only = tuple(verdict for verdict in report.verdicts if verdict.name == "memory")
    assert ("pass", "No gate fails.") == headline(dataclasses.replace(report, verdicts=hard_only))


def test_headline_and_failures_come_before_the_tables(report):
    failed = verdict("diverges", "fail", message="the first thing to read")
    text = page(dataclasses.replace(report, verdicts=(*report.verdicts, failed))).text
    assert text.startswith("synthetic fail Blocked: the first thing to read")
    assert text.index("What did not pass") < text.index("Each metric of each model")


def interval_words(report, model, metric):
    interval = report.interval(model, metric)
    if interval is None:
        return "none"
    low, high = (gates.number(end, METRICS[metric].unit) for end in (interval.low, interval.high))
    return f"{low} to {high}".replace("-", "\N{MINUS SIGN}")


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
            interval = interval_words(report, model, name)
            assert f"{value} pass interval {interval} stored {was} change {zero} tolerance {tolerance}" in text


def test_a_change_has_its_sign_and_its_verdict(report):
    stored = report.baseline.models["lora"].metrics["auc_roc"].value
    run = report.runs["lora"]
    worse = dataclasses.replace(run.evaluation.metrics["auc_roc"], value=stored - 0.2)
    metrics = {**run.evaluation.metrics, "auc_roc": worse}
    run = dataclasses.replace(run, evaluation=dataclasses.replace(run.evaluation, metrics=metrics))
    judged = gates.no_worse_than_stored("lora", "auc_roc", worse, report.baseline, report.baseline.origin)
    verdicts = (judged, *(v for v in report.verdicts if (v.model, v.metric) != ("lora", "auc_roc")))
    shown = page(dataclasses.replace(report, runs={**report.runs, "lora": run}, verdicts=verdicts))
    interval = interval_words(report, "lora", "auc_roc")
    assert f"{stored - 0.2:.3f} fail interval {interval} stored {stored:.3f} change \N{MINUS SIGN}0.200" in shown.text
    assert judged.message in shown.text


def test_a_value_has_its_interval_where_there_is_one(report):
    nothing = Interval(math.nan, math.nan, "too few")
    sure = Uncertainty({"auc_roc": Interval(0.81, 0.93), "margin": nothing}, {}, (), ())
    shown = page(dataclasses.replace(report, uncertainty={"lora": sure}, operating={}, more={}))
    assert 1 == shown.text.count("interval 0.810 to 0.930")
    assert len(METRICS) * len(report.runs) - 1 == shown.text.count("interval none")


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
    assert "lora 22,786,944 73,728 (0.3%) 90.9 MB bf16 73.3 s 1,033 MB 1.3 s for 180 texts 612 MB" in text
    assert "base 22,713,216 not trained" in text


@pytest.mark.parametrize("kind", ["without_standard", "partly_undefined", "undefined_report"])
def test_a_broken_run_has_a_summary(kind, request):
    report = request.getfixturevalue(kind)
    text = page(report).text
    assert "nan" not in text.lower()
    assert ("undefined" in text) == (kind != "without_standard")


def test_nothing_known_has_a_summary(report):
    empty = dataclasses.replace(report, runs={}, verdicts=(), baseline=None, planes={})
    assert "Blocked: base, standard and lora not measured." in page(empty).text
    assert "No case was measured" in Page(summary_html([], {})).text


def test_a_refused_run_says_why():
    shown = Page(summary_html([], {}, refused="--adapter <b>x</b>:\n nothing there"))
    assert "No case was measured fail Refused: --adapter <b>x</b>: nothing there" == shown.text
    assert {tag for tag, _ in shown.elements} <= KNOWN
    assert "No case was measured fail No gate ran." == Page(summary_html([], {})).text


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
    table, points = DataTable((evil, evil), ((evil, evil),), evil), {"models": [evil], "pairs": [{"texts": [evil]}]}
    drawn = RenderedChart("roc", evil, evil, evil, b"svg", "image/svg+xml", wide=True, table=table, points=points)
    html = summary_html([report], {report.case.name: [drawn]})
    shown = Page(html)
    assert {tag for tag, _ in shown.elements} <= KNOWN
    assert 2 == len(shown.all("script"))  # the points and the page's own
    assert not [key for _, attributes in shown.elements for key in attributes if key.startswith("on")]
    assert f"{evil[:1000]}" in shown.text
    assert points == json.loads(re.search(r'application/json">(.*?)</script>', html).group(1))
    assert f"Blocked: lora {evil} margin: worse" in shown.text
    assert [evil] == [image["alt"] for image in shown.all("img")]


def test_what_html_cannot_hold_is_replaced(rewritten):
    report = rewritten(lambda pair: dataclasses.replace(pair, text_1=f"a\x00b\ud800c\x1b {pair.text_1}"))
    html = summary_html([report], {})
    assert "a\u2400b\ufffdc\u241b boy: left" in html
    html.encode("utf-8")


def test_every_chart_is_a_figure_with_words(report, charts):
    shown = page(report, charts)
    assert len(CHARTS) == len(shown.all("figure")) == len(shown.all("figcaption"))
    assert [chart.alt for chart in charts] == [image["alt"] for image in shown.all("img")]


def test_every_chart_has_its_data_beside_it(report, charts):
    shown = page(report, charts)
    assert len(CHARTS) == sum(details.get("class") == "data" for details in shown.all("details"))
    for chart in charts:
        for row in chart.table.rows:
            assert " ".join(row) in shown.text


def test_a_chart_without_a_picture_says_why(report):
    chart = RenderedChart("change", "What changed", "What?", "No baseline is stored.", b"", "", table=DataTable((), ()))
    shown = page(report, [chart])
    assert [] == shown.all("img")
    assert "What changed No baseline is stored." in shown.text


def test_headings_are_in_order_and_tables_have_captions(report, charts):
    failed = verdict("diverges", "fail")
    shown = page(dataclasses.replace(report, verdicts=(*report.verdicts, failed)), charts)
    levels = [int(tag[1]) for tag, _ in shown.elements if re.fullmatch(r"h\d", tag)]
    assert 2 == levels[0]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(shown.all("table")) == len(shown.all("caption"))
    assert all(header.get("scope") in ("col", "row") for header in shown.all("th"))
    assert "en" == next(attributes["lang"] for _, attributes in shown.elements if "lang" in attributes)


def test_links_within_the_page_lead_somewhere(report, charts):
    failed = (verdict("diverges", "fail"), verdict("memory", "fail", "train"))
    shown = page(dataclasses.replace(report, verdicts=(*report.verdicts, *failed)), charts)
    ids = [attributes["id"] for _, attributes in shown.elements if "id" in attributes]
    links = [link["href"] for link in shown.all("a")]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert "#chart-synthetic-score_distributions" in links
    assert "errors-synthetic.csv" in links


def test_nothing_is_asked_of_any_server(report, charts):
    html = summary_html([report], {report.case.name: charts})
    assert all(image["src"].startswith("data:image/") for image in Page(html).all("img"))
    assert not re.search(r"https?://|url\(|@import|<link|<script src|fetch\(|import\(|innerHTML", html)


def test_summary_is_small_and_the_same_twice(report, charts):
    first, second = (summary_html([report], {report.case.name: charts}) for _ in range(2))
    assert first == second
    assert len(first) < 3_000_000


def test_colours_of_the_page_have_enough_contrast():
    style = files("harness").joinpath("templates/style.css").read_text(encoding="utf-8")
    blocks = re.findall(r"--paper:.*?\}", style, re.DOTALL)
    assert 2 == len(blocks)  # light and dark
    for block in blocks:
        colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        on_paper = [(name, "paper") for name in ("ink", "quiet", "pass", "fail", "unsure", "link")]
        on_bands = [("ink", f"{word}-band") for word in ("pass", "fail", "unsure")] + [
            *((name, "band") for name in ("ink", "quiet", "link")),
            *(("link", f"{word}-band") for word in ("pass", "fail", "unsure")),
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
