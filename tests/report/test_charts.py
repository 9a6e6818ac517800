"""Every chart draws whatever a run leaves, says its numbers in words, and draws the same twice."""

import dataclasses
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from harness.report import Report, cells, types
from harness.report.charts import CHARTS, render
from harness.report.charts.style import LABEL_COLOURS, draw_file
from harness.text import MINUS

from ..synthetic import make_report, plain, with_case, with_model

# Chart -> what its words must hold beside, or instead of, the cells of its table.
WORDS: dict[str, Callable[[Report], list[str]]] = {
    "score_distributions": lambda report: [
        f"{model}: mean positive {cells.value(of['mean_positive'])}, mean negative {cells.value(of['mean_negative'])}, "
        f"threshold {details(report, model, 'best_f1')['threshold']:.3f}"
        for model in report.models
        for of in [details(report, model, "margin")]
    ],
    "roc": lambda report: [f"{model} {value(report, model, 'auc_roc')}" for model in report.models],
    "classification": lambda report: [
        f"every pair positive: {details(report, 'lora', 'best_f1')['floor']:.3f}",
    ],
    "learning_rate": lambda report: [
        f"lora at 2e-5, the rate of standard: spearman {value(report, 'base', 'spearman')}",
        f"lora at 2e-4, 10 times the rate of standard: spearman {value(report, 'lora', 'spearman')}",
        f"lora at 1e-3, its own: spearman {value(report, 'lora', 'spearman')}, ",
        " of the gap to standard",
        f"spearman of base {value(report, 'base', 'spearman')}, standard {value(report, 'standard', 'spearman')}.",
    ],
    "umap": lambda report: [", ".join(report.models), "60 positive", "30 negative", "of 90 pairs"],
}


def value(report, model, name):
    return f"{report.models[model].metrics[name].value:.3f}".replace("-", MINUS)


def details(report, model, name):
    return report.models[model].metrics[name].details


def table(name, report):
    return CHARTS[name].table(report)


def test_every_chart_is_rendered(charts):
    assert [chart.name for chart in charts] == list(CHARTS)
    assert all(chart.alt.startswith(chart.title) for chart in charts)


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("kind", ["without_standard", "partly_undefined", "undefined"])
def test_a_chart_draws_whatever_is_there(name, kind, request):
    report = request.getfixturevalue(kind)
    content, points = draw_file(CHARTS[name], report)
    assert content or kind == "undefined"
    if content:
        assert ET.fromstring(content).tag.endswith("svg")  # noqa: S314 (drawn here)
        json.dumps(points, allow_nan=False)
    assert "nan" not in CHARTS[name].alt(report).lower()
    rows = table(name, report)
    assert all(len(row) == len(rows.headers) for row in rows.rows)
    assert "nan" not in str(rows).lower()


@pytest.mark.parametrize("name", CHARTS)
def test_words_and_table_have_the_numbers(name, report):
    chart, rows = CHARTS[name], table(name, report)
    words = chart.alt(report)
    assert all(part in words for part in WORDS.get(name, lambda _: [])(report))
    if not chart.summary:
        for first, *cells in rows.rows:
            said = ", ".join(f"{header} {cell}" for header, cell in zip(rows.headers[1:], cells, strict=True))
            assert f"{first}: {said}" in words
    assert {len(rows.headers)} == {len(row) for row in rows.rows}


def test_undefined_is_said_and_not_zero(partly_undefined):
    for name, words in (("roc", "lora undefined"), ("cohens_d", "lora: Cohen's d undefined")):
        assert words in CHARTS[name].alt(partly_undefined)
    assert "lora: Threshold undefined, F1 undefined" in CHARTS["classification"].alt(partly_undefined)


def test_without_values_nothing_is_drawn(report):
    assert render(with_case(report, models={}, learning_rate=None, rank=None)) == []
    untrained = report
    for model in report.models:
        untrained = with_model(untrained, model, training=None)
    assert draw_file(CHARTS["training_curves"], untrained) == (b"", None)
    assert table("learning_rate", with_case(report, learning_rate=None)).rows == ()


def test_without_dev_pairs_the_curves_are_those_of_the_loss(report):
    training = report.models["lora"].training
    curve = tuple(dataclasses.replace(point, spearman=float("nan")) for point in training.curve)
    check = report.case.learning_rate
    points = tuple(point.model_copy(update={"curve": curve}) for point in check.points)
    without = with_case(report, learning_rate=check.model_copy(update={"points": points}))
    for model in ("standard", "lora"):
        without = with_model(without, model, training=dataclasses.replace(training, curve=curve))
    assert table("training_curves", without).rows[-1] == ("lora", "3", "0.133")
    assert "no dev pairs" in CHARTS["training_curves"].alt(without)
    assert table("learning_rate", without).rows[-1] == ("1e-3", "3", "0.133")
    for name in ("training_curves", "learning_rate"):
        picture = draw_file(CHARTS[name], without)[0]
        ET.fromstring(picture)  # noqa: S314 (drawn here)
        assert b"Spearman correlation on the dev pairs" not in picture


def test_without_categories_and_pair_types_there_is_no_heatmap_and_one_bar_a_model():
    plainer = make_report(pair=lambda row: plain(row) | {"category": "", "pair_type": ""})
    assert draw_file(CHARTS["category_heatmap"], plainer) == (b"", None)
    assert draw_file(CHARTS["false_positives"], plainer)[0]
    assert ["all", "no pair type"] == [row[0] for row in table("false_positives", plainer).rows]


def test_many_categories_show_the_largest():
    many = make_report(pair=lambda row: plain(row) | {"category": f"c{row % 40:02}"})
    assert draw_file(CHARTS["category_heatmap"], many)[0]
    assert [row[0] for row in table("category_heatmap", many).rows] == [f"c{index:02}" for index in range(25)]
    assert "15 smaller categories are not shown" in CHARTS["category_heatmap"].alt(many)


def test_hostile_names_are_drawn_as_text():
    evil = "<b>$\\frac{$ \U0001f600 \x00\ud800 \u05e9\u05dc\u05d5\u05dd _&" + "x" * 10_000
    report = make_report(
        pair=lambda row: {key: evil + text for key, text in plain(row).items()},
        names=("base", f"standard{evil}", f"lora{evil}"),
    )
    for name in ("category_heatmap", "false_positives", "learning_rate"):
        ET.fromstring(draw_file(CHARTS[name], report)[0])  # noqa: S314 (drawn here)
        assert evil in CHARTS[name].alt(report)


def test_tables_hold_the_values(report):
    def row_of(name, key):
        return next(row for row in table(name, report).rows if row[0] == key)

    assert row_of("cohens_d", "lora") == ("lora", value(report, "lora", "cohens_d"))
    f1 = details(report, "lora", "best_f1")
    threshold, *numbers = (f"{f1[key]:.3f}" for key in ("threshold", "accuracy", "precision", "recall"))
    expected = ("lora", threshold.replace("-", MINUS), value(report, "lora", "best_f1"), *numbers)
    assert row_of("classification", "lora") == expected
    purity = details(report, "lora", "cluster_purity")
    numbers = [f"{purity[key]:.3f}" for key in ("purity_noise_as_wrong", "noise_ratio")]
    expected = ("lora", str(purity["cluster_count"]), value(report, "lora", "cluster_purity"), *numbers)
    assert row_of("cluster_purity", "lora") == expected
    counts = [details(report, model, "false_positives")["by_pair_type"] for model in report.models]
    expected = ("dealbreaker", "15", *(str(count["dealbreaker"]["false_positives"]) for count in counts))
    assert row_of("false_positives", "dealbreaker") == expected
    every = (str(int(report.models[model].metrics["false_positives"].value)) for model in report.models)
    assert row_of("false_positives", "all") == ("all", "30", *every)
    aucs = (f"{entry.categories['values'].metrics['auc_roc']:.3f}" for entry in report.models.values())
    assert row_of("category_heatmap", "values") == ("values", "10", "10", *aucs)
    assert "one label" in row_of("category_heatmap", "one_label")
    assert row_of("change", "lora")[1:6] == ("90", "88", "2", "0", "0")
    assert table("training_curves", report).rows[-1] == ("lora", "3", "0.300", "0.133")
    assert table("learning_rate", report).rows[-1] == ("1e-3", "3", "0.300", "0.133")


def test_bins_hold_every_pair_and_curves_are_thinned(report):
    bins = table("score_distributions", report).rows
    assert [sum(int(row[column]) for row in bins) for column in range(2, 8)] == [60, 30] * 3
    models = [row[0] for row in table("roc", report).rows]
    assert all(2 <= models.count(model) <= 20 for model in report.models)
    assert len(table("umap", report).rows) == 20


def test_regressed_pairs_are_counted(report):
    worse = make_report(moved=range(0, 90, 3))
    row = table("change", worse).rows[-1]
    assert (row[0], row[4]) == ("lora", str(len(worse.models["lora"].regressed)))
    assert float(row[-1]) > 0
    assert draw_file(CHARTS["change"], worse)[0]


def test_no_comparable_baseline_is_said_in_place_of_the_picture(report):
    unstored = dataclasses.replace(report, pairs=report.pairs.model_copy(update={"stored_scores": {}}))
    with_reason = with_case(unstored, incomparable="no baseline is stored")
    assert draw_file(CHARTS["change"], with_reason) == (b"", None)
    reason = "The scores are not compared with stored ones: no baseline is stored."
    assert CHARTS["change"].empty(with_reason) == reason
    assert "no scores of these models" in CHARTS["change"].empty(unstored)


def test_the_same_report_gives_the_same_bytes(report, charts):
    assert charts == render(report)


def test_a_model_keeps_its_colour_when_another_is_missing(report, without_standard):
    assert report.colours == without_standard.colours
    assert len(set(report.colours.values())) == 3
    assert not set(LABEL_COLOURS.values()) & set(types._COLOURS)


def test_a_hundred_thousand_pairs_stay_small(many):
    for name in ("score_distributions", "umap", "change"):  # the others draw no pairs
        assert len(draw_file(CHARTS[name], many)[0]) < 1_000_000
        assert len(table(name, many).rows) <= 60


def test_importing_charts_and_report_loads_nothing_heavy():
    heavy = "{'matplotlib', 'jinja2', 'torch', 'sklearn', 'scipy'}"
    source = f"import sys, harness.report.charts, harness.report; print({heavy} & sys.modules.keys())"
    shown = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert shown.stdout == "set()\n"
