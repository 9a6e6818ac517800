"""The page shows every value, and shows data as text, whatever it contains."""

import dataclasses
import itertools
import json
import math
import re
from collections import Counter
from importlib.resources import files
from unittest import mock

import pytest
from matplotlib.figure import Figure

from harness.gates import Skipped, Subject
from harness.metrics import METRICS
from harness.report import page_html, reports, summary_html
from harness.report.charts import CHARTS, Chart
from harness.report.sections import SECTIONS
from harness.report.sections.errors import MOST_FLIPS, regressed
from harness.report.sections.metrics import metrics
from harness.report.types import DataTable
from harness.results import CandidateEntry, read_pair_tables, read_results, write_results
from harness.text import number

from ..synthetic import make_report, plain, results_of, verdict, with_case, with_metric
from .pages import KNOWN, Page


def page(report, **charts):
    """The page with these charts only: to draw all of them takes seconds."""
    with mock.patch.dict(CHARTS, charts, clear=True):
        return Page(summary_html([report]))


@pytest.fixture(scope="module")
def source(report, charts):
    with mock.patch("harness.report.charts.render", return_value=charts):
        return summary_html([report])


@pytest.fixture(scope="module")
def whole(source):
    return Page(source)


def value_of(report, model, metric):
    return report.models[model].metrics[metric].value


def shown(value, unit=""):
    return number(value, unit).replace("-", "\N{MINUS SIGN}")


def test_every_metric_of_every_model_is_shown_with_what_it_is_held_against(report, whole):
    for name, metric in METRICS.items():
        assert metric.title in whole.text
        for model in report.models:
            value, unit = value_of(report, model, name), metric.unit
            row = f"{shown(value - 0.05, unit)} to {shown(value + 0.05, unit)} {shown(value, unit)} {shown(0, unit)}"
            assert f"{metric.title} {model} {shown(value, unit)} {row} none {shown(0.04, unit)} pass" in whole.text
            noted = " *" if model == "base" and name in ("best_f1", "false_positives") else ""
            assert f"{shown(value, unit)}{noted} {shown(0, unit)} ✓ pass" in whole.text, "a cell is one line"
    assert "* base, Best F1 and False positives: threshold no better than calling every pair positive." in whole.text


def test_a_cell_places_its_value_between_those_of_all_models(report):
    value, least = (value_of(report, model, "margin") for model in ("lora", "base"))
    cell = metrics(with_metric(report, "lora", "margin", stored=least - 0.25))["rows"][2]["cells"][1]
    left, right = least - 0.25, value_of(report, "standard", "margin") + 0.05
    for mark, at in (("stored", left), ("low", value - 0.05), ("value", value), ("high", value + 0.05)):
        assert float(cell["marks"][mark]) == pytest.approx(6 + 88 * (at - left) / (right - left), abs=0.06)
    alone = metrics(with_metric(make_report(names=("base",)), "base", "margin", interval=None))["rows"][0]["cells"][1]
    assert alone["marks"] == {"value": "50.0", "stored": "50.0"}


def test_a_change_has_its_sign_a_failure_its_message_and_nothing_comparable_is_said(report):
    stored = value_of(report, "lora", "auc_roc")
    worse = with_metric(report, "lora", "auc_roc", value=stored - 0.2, outcome="fail", interval=None)
    failed = verdict("metric", "fail", "it got worse", model="lora", metric="auc_roc", examples=("a and b",), more=2)
    text = page(with_case(worse, verdicts=(failed,))).text
    assert f"{shown(stored - 0.2)} \N{MINUS SIGN}0.200 ✗ fail" in text
    assert f"{shown(stored - 0.2)} none {shown(stored)} \N{MINUS SIGN}0.200 none 0.040 fail" in text
    assert "fail it got worse metric lora auc_roc" in text, "the pairs are shown once, not in every row"
    other = with_case(report, incomparable="the base is another")
    other = with_metric(other, "lora", "margin", stored=None)
    text = page(other).text
    assert "Nothing is compared with the baseline: the base is another." in text
    assert "none none none none pass" in text


def test_what_did_not_pass_is_shown_first_and_the_rest_on_demand(report):
    failed = [verdict("category", "fail", f"worse {at}", model="lora", metric="margin") for at in range(11)]
    text = page(with_case(report, verdicts=tuple(failed))).text
    assert text.index("worse 7") < text.index("3 more that did not pass") < text.index("worse 8")


def test_a_second_stage_is_shown_with_what_it_changes_by_pair_type_and_what_it_costs(report, whole, undefined):
    entry = report.case.rerank["lora"]
    found, pairs = entry.value, report.case.pairs
    before, after = (int(count.fp) for count in (found.before, found.after))
    assert after < before  # it knows the labels
    assert f"lora: accuracy +{found.accuracy.change:.3f}" in whole.text
    assert f"{before} → {after} true negatives {int(found.before.tn)} → {int(found.after.tn)}" in whole.text
    assert f"{len(found.fixed)} fixed 0 regressed 1.50 ms cross-encoder 20.00 ms" in whole.text
    cost = 1.5 + 20 * found.rescored / pairs
    assert f"1.50 s → {cost:.2f} s all rescored 21.50 s" in whole.text
    for name, (was, now) in found.pair_types.items():
        assert f"lora {name} {int(was.tp + was.fp + was.fn + was.tn)} {int(was.fp)} → {int(now.fp)}" in whole.text
    assert "lora: 90 of 90 scores are not finite." in page(undefined).text
    assert "Second stage" not in page(with_case(report, rerank={})).text


def test_models_are_shown_with_their_cost_and_power_is_said_in_words(whole):
    assert (
        "This gate detects a drop of lora's Spearman correlation of 0.062 or more with 95 % probability. A retraining "
        "that is as good fails in 1.7% of cases, and is inconclusive in 0.1%."
    ) in whole.text
    assert "0.062 together unknown, tolerance 0.040" in whole.text
    for title, base, trained in (
        ("Parameters", "22,713,216", "22,786,944"),
        ("Trainable", "not trained", "73,728 (0.3%)"),
        ("Training peak memory", "not trained", "1,033 MB"),
        ("Encoding time", "1.3 s for 180 texts", "1.3 s for 180 texts"),
    ):
        assert f"{title} {base} {trained} {trained}" in whole.text


def test_relative_performance_has_its_interval_or_its_reason(report):
    gated, *_, last = report.case.relative_performance
    undefined = dataclasses.replace(last.value, ratio=math.nan, reason="lower is better: read the difference")
    reason = last.model_copy(update={"value": undefined})
    text = page(with_case(report, relative_performance=(gated, reason))).text
    ratio, gap = gated.value.ratio, gated.value.gap_recovered
    assert f"✓ pass {ratio:.1%} 90.0% to 110.0% {gap:.1%} 85.0% to 105.0%" in text
    assert "Spearman correlation: expected at least 90%." in text
    assert f"* {METRICS[last.metric].title}: lower is better: read the difference." in text


def test_an_operating_point_is_said_in_words(whole, undefined):
    assert (
        "At the threshold 0.410, chosen on the training pairs, lora has F1 0.840 and 42 false positives; the best "
        "threshold on the evaluation pairs themselves, 0.380, has F1 0.860 and 37 false positives: that is the "
        "optimism."
    ) in whole.text
    assert "optimism +0.020" in whole.text
    assert "optimism +5" in whole.text
    assert "no-skill 0.222" in whole.text
    assert "lora has no threshold: 90 of 90 scores are not finite." in page(undefined).text


def test_an_extra_set_is_compared_by_the_width_of_its_intervals(report, whole):
    value = value_of(report, "lora", "margin")
    assert f"{shown(value)} interval {shown(value - 0.025)} to {shown(value + 0.025)}" in whole.text
    assert "0.50 of the width" in whole.text
    assert "0.25 of the width" in whole.text, "a number of false positives, among twice the negative pairs"
    leaky = report.case.extra_sets["large"].model_copy(update={"in_train": 1234})
    text = page(with_case(report, extra_sets={"large": leaky})).text
    assert "1,234 of its pairs are in the training data, and say nothing about new ones." in text


def test_each_check_is_shown_with_its_limit_and_the_values_without_leakage(report, whole):
    assert "Eval pairs in train" in whole.text
    free = {name: entry.value - 0.1 for name, entry in report.models["lora"].metrics.items()}
    models = {**report.models, "lora": report.models["lora"].model_copy(update={"without_leakage": free})}
    audit = report.case.audit.model_copy(update={"leaked": 30})
    text = page(with_case(report, models=models, audit=audit)).text
    assert "over the 60 pairs that are left without the 30 that are in the training data" in text
    value = value_of(report, "lora", "margin")
    assert f"{shown(value - 0.1)} instead of {shown(value)} change \N{MINUS SIGN}0.100, tolerance 0.040" in text


def test_regressed_pairs_are_counted_by_kind_and_listed():
    report = make_report(moved=range(0, 90, 3))
    lora = report.models["lora"]
    assert lora.regressed
    text = page(report).text
    assert "Since the baseline no pair regressed or was fixed" in page(make_report()).text
    assert f"lora {len(lora.regressed)} {len(lora.fixed)}" in text
    first = lora.regressed[0]
    assert f"{first.pair_type} {first.category}" in text
    assert f"{report.pairs.text_1[first.row]} {report.pairs.text_2[first.row]} 0 {first.pair_type}" in text
    assert f"lora {shown(first.stored)} → {shown(first.now)}" in text


def test_flips_are_shown_once_and_as_many_as_fit():
    report = make_report(count=300, moved=range(0, 300, 3))
    found = [pair for model in report.models.values() for pair in model.regressed]
    under, worst = Counter(pair.row for pair in found), max(found, key=lambda pair: pair.loss)
    view = regressed(report)
    shown = [row["texts"][0][0] for row in view["rows"] if row["word"] == "regressed"]
    assert len(shown) == len(set(shown)) == MOST_FLIPS < len(under)
    assert view["more"] == f"{len(under) - MOST_FLIPS}"
    assert shown[0] == report.pairs.text_1[worst.row]
    assert len(view["rows"][0]["scores"]) == under[worst.row]
    worse = with_case(report, verdicts=(verdict("record", "fail", "differs", model="lora"),))
    assert page(worse).text.index(f"{shown[0]} and ") < page(worse).text.index("Spearman correlation")
    assert f"{shown[0]} and " not in page(report).text, "a run that passes needs no reason"


def test_what_was_not_measured_or_judged_is_said(report, without_standard):
    subject = Subject(model="standard", metric="margin")
    skipped = (Skipped(gate="metric", subject=subject, cause="the training failed"),)
    text = page(with_case(without_standard, skipped=skipped)).text
    assert "What was not measured standard : out of memory Metrics" in text
    assert "Gates that were not judged 1 gate" in text
    assert "metric standard margin the training failed" in text
    gated = CandidateEntry(model="lora", strategy="lora", path="dir", sha256="ab" * 32)
    words = f"Gated: the adapter dir (sha256 {'ab' * 6}), in the place of lora."
    assert words in page(with_case(report, candidate=gated)).text


@pytest.mark.parametrize("kind", ["without_standard", "partly_undefined", "undefined"])
def test_a_broken_run_has_a_page(kind, request):
    text = page(request.getfixturevalue(kind)).text
    assert "nan" not in text.lower()
    assert ("undefined" in text) == (kind != "without_standard")


def test_a_case_that_could_not_be_run_says_why(report):
    assert "May ship: no no disk." in page(with_case(report, models={}, verdicts=(), error="no disk")).text


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
def test_data_is_shown_as_text(evil):
    """A text, a name or a message from the data, or from what someone named, becomes no markup, and hides nothing."""
    names = ("base", f"standard {evil}", f"lora {evil}")
    report = make_report(
        pair=lambda row: {k: f"{evil} {v}" for k, v in plain(row).items()}, moved=range(0, 90, 3), names=names
    )
    failed = verdict("category", "fail", evil, model=evil, metric="margin", category=evil, examples=(evil,))
    hostile = with_case(
        report,
        description=evil,
        candidate=CandidateEntry(model=evil, strategy="lora", path=evil, sha256="0" * 64),
        verdicts=(failed, *report.case.verdicts),
        skipped=(Skipped(gate="metric", subject=Subject(model=evil), cause=evil),),
        missing={evil: evil},
        incomparable=evil,
        extra_sets={evil: report.case.extra_sets["large"]},
    )
    table = DataTable((evil, evil), ((evil, evil),), evil)
    points = {"models": [evil], "pairs": [{"texts": [evil]}]}
    chart = Chart(evil, evil, lambda _: Figure(), lambda _: table, points=lambda *_: points)
    shown = page(hostile, roc=chart)
    assert {tag for tag, _ in shown.elements} <= KNOWN
    assert (2, 1) == (len(shown.all("script")), len(shown.all("img")))  # the points, and the page's own
    assert not [name for _, attributes in shown.elements for name in attributes if name.startswith("on")]
    assert f"May ship: no {evil} not measured: {evil[:400]}" in shown.text
    assert json.loads(shown.data[0]) == points


def test_what_html_cannot_hold_is_replaced():
    html = page(make_report(pair=lambda row: plain(row) | {"text_1": f"a\x00b\ud800c\x1b {row}"})).text
    assert "a\u2400b\ufffdc\u241b 0" in html
    html.encode("utf-8")


def test_every_chart_is_a_figure_with_its_words_and_numbers(report, charts, whole):
    assert Counter(chart.alt for chart in charts) == Counter(image["alt"] for image in whole.all("img"))
    for chart in charts:
        for row in chart.table.rows:
            assert " ".join(row) in whole.text
    reason = Chart("Changes", "Which?", lambda _: None, lambda _: DataTable((), ()), empty=lambda _: "No baseline.")
    assert "Changes Which? No baseline." in page(report, change=reason).text


def test_the_page_is_made_again_from_the_files_byte_by_byte(report, tmp_path):
    path = tmp_path / "results.json"
    write_results(path, results_of(report), {"synthetic": report.pairs})
    again = read_results(path)
    few = {name: CHARTS[name] for name in ("roc", "umap", "learning_rate")}
    with mock.patch.dict(CHARTS, few, clear=True):
        assert summary_html([report]) in page_html(reports(again, read_pair_tables(path, again)))


def test_links_lead_to_parts_of_the_page(report, whole):
    ids = [attributes["id"] for _, attributes in whole.elements if "id" in attributes]
    links = [link["href"] for link in whole.all("a")]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    shown = {key for key, section in SECTIONS.items() if section.link} - {"not_passed"}
    assert {f"#{key}-synthetic" for key in shown} <= set(links)
    assert {"#chart-synthetic-roc", "errors-synthetic.csv"} <= set(links)


def test_nothing_is_asked_of_any_server(source, whole):
    assert all(image["src"].startswith("data:image/") for image in whole.all("img"))
    assert not re.search(r"https?://|url\(|@import|<link|<script src|fetch\(|import\(|innerHTML", source)


def test_headings_are_in_order_and_tables_have_captions(whole):
    levels = [int(tag[1]) for tag, _ in whole.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 2
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(whole.all("table")) == len(whole.all("caption"))
    assert all(header.get("scope") in ("col", "row") for header in whole.all("th"))
    assert next(attributes["lang"] for _, attributes in whole.elements if "lang" in attributes) == "en"


def test_what_made_the_values_is_shown(whole):
    assert "base m at cccccccc, commit dddddddd, harness 0.1" in whole.text
    assert "torch 2.13.0" in whole.text
    assert "learning rate 2e-5 2e-5" in whole.text
    assert "lora target modules q, v q, v" in whole.text


def test_every_chart_stands_in_one_section():
    assert Counter(list(CHARTS)) == Counter(chart for section in SECTIONS.values() for chart in section.charts)


def test_every_section_has_a_template_and_no_template_is_left_over():
    templates = files("harness.report").joinpath("templates", "sections").iterdir()
    assert {template.name for template in templates} == {f"{key}.html.j2" for key in SECTIONS}


def test_colours_of_the_page_have_enough_contrast():
    style = files("harness.report").joinpath("templates", "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r"--paper:.*?\}", style, re.DOTALL)
    assert len(blocks) == 2  # light and dark
    on_paper = [(name, "paper") for name in ("ink", "quiet", "pass", "fail", "unsure", "link")]
    on_band = [(name, "band") for name in ("ink", "quiet", "link")]
    on_bands = [(name, f"{word}-band") for name in ("ink", "link") for word in ("pass", "fail", "unsure")]
    words = [("pass", "pass-band"), ("unsure", "unsure-band"), ("fail-band", "fail")]
    for block in blocks:
        colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for front, back in (*on_paper, *on_band, *on_bands, *words):
            assert contrast(colour[front], colour[back]) >= 4.5, (front, back)


def contrast(first, second):
    """The contrast ratio of WCAG 2."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)
