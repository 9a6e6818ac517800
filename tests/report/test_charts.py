"""Every chart draws whatever a run leaves, says its numbers in words, and draws the same twice."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.charts import CHARTS, render
from harness.charts.style import LABEL_COLOURS, draw_file
from harness.report import summary_html, types

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.pairs import Pair
    from harness.report import CaseReport

# Chart -> the numbers of one model that its words must hold.
NUMBERS: dict[str, Callable[[CaseReport, str], list[str]]] = {
    "score_distributions": lambda report, model: [
        f"{metric(report, model, 'margin').details['mean_positive']:.3f}",
        f"{metric(report, model, 'margin').details['mean_negative']:.3f}",
        f"threshold {metric(report, model, 'best_f1').details['threshold']:.3f}",
    ],
    "roc": lambda report, model: [f"{model} {metric(report, model, 'auc_roc').value:.3f}"],
    "cohens_d": lambda report, model: [f"{model} {metric(report, model, 'cohens_d').value:.3f}"],
    "classification": lambda report, model: [
        f"{model} F1 {metric(report, model, 'best_f1').value:.3f}",
        *(f"{key} {metric(report, model, 'best_f1').details[key]:.3f}" for key in ("accuracy", "precision", "recall")),
        f"every pair positive: {metric(report, model, 'best_f1').details['floor']:.3f}",
    ],
    "false_positives": lambda report, model: [
        f"{model} {metric(report, model, 'false_positives').value:.0f} in all",
        *(
            f"{name} {cell['false_positives']} of {cell['negatives']}"
            for name, cell in metric(report, model, "false_positives").details["by_pair_type"].items()
        ),
    ],
    "category_heatmap": lambda report, model: [
        part
        for name, group in report.runs[model].evaluation.categories.items()
        for part in (
            f"{name} ({group.positives} positive, {group.negatives} negative)",
            f"{model} {group.auc_roc:.3f}" if group.negatives else f"{model} undefined",
        )
    ],
    "cluster_purity": lambda report, model: [
        f"{model} purity {metric(report, model, 'cluster_purity').value:.3f}",
        f"{metric(report, model, 'cluster_purity').details['purity_noise_as_wrong']:.3f} with noise",
        f"noise ratio {metric(report, model, 'cluster_purity').details['noise_ratio']:.3f}",
    ],
    "training_curves": lambda report, model: (
        [f"{metric(report, model, 'spearman').value:.3f}"]
        if model == "base"
        else [f"{model} spearman after each of 3 epochs: 0.100, 0.200, 0.300", f"{model} loss", "0.400, 0.200, 0.133"]
    ),
    "learning_rate": lambda report, model: {
        "base": [f"spearman of base {metric(report, 'base', 'spearman').value:.3f}", "0.0% of standard's gain"],
        "standard": [f"standard {metric(report, 'standard', 'spearman').value:.3f}"],
        "lora": [
            f"lora at 2e-5, the rate of standard: spearman {metric(report, 'base', 'spearman').value:.3f}",
            f"lora at 2e-4, ten times that: spearman {metric(report, 'lora', 'spearman').value:.3f}",
            f"lora at 1e-3, its own: spearman {metric(report, 'lora', 'spearman').value:.3f}",
        ],
    }[model],
    "umap": lambda _report, model: [model, "60 positive", "30 negative", "of 90 pairs"],
    "change": lambda _report, model: [f"{model}: of 90 pairs 0 newly wrong, 0 newly right"],
}


def metric(report: CaseReport, model: str, name: str):
    return report.runs[model].evaluation.metrics[name]


def test_numbers_are_known_for_every_chart():
    assert set(CHARTS) == set(NUMBERS)


def test_every_chart_is_rendered(charts):
    assert list(CHARTS) == [chart.name for chart in charts]
    assert all(chart.mime == "image/svg+xml" and chart.alt.startswith(chart.title) for chart in charts)


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("kind", ["without_standard", "partly_undefined", "undefined_report"])
def test_chart_draws_whatever_is_there(name, kind, request):
    case_report = request.getfixturevalue(kind)
    drawing = draw_file(CHARTS[name], case_report)
    assert drawing is not None or kind == "undefined_report" or (name, kind) == ("umap", "without_standard")
    if drawing is not None:
        assert ET.fromstring(drawing.content).tag.endswith("svg")  # noqa: S314 (drawn here)
        json.dumps(drawing.points, allow_nan=False)
    assert "nan" not in CHARTS[name].alt(case_report).lower()
    table = CHARTS[name].table(case_report)
    assert all(len(row) == len(table.headers) for row in table.rows)
    assert "nan" not in str(table).lower().replace("finance", "")


@pytest.mark.parametrize("name", CHARTS)
def test_alternative_text_has_the_numbers(name, report):
    words = CHARTS[name].alt(report)
    for model in report.measured:
        for number in NUMBERS[name](report, model):
            assert number in words


def test_undefined_is_said_and_not_zero(partly_undefined):
    assert "lora undefined" in CHARTS["roc"].alt(partly_undefined)
    assert "lora undefined" in CHARTS["cohens_d"].alt(partly_undefined)
    assert "lora F1 undefined" in CHARTS["classification"].alt(partly_undefined)


def test_nothing_measured_draws_nothing(report):
    assert [] == render(dataclasses.replace(report, runs={}, planes={}, rates={}))


def test_nothing_trained_draws_no_curves(report):
    runs = {name: dataclasses.replace(run, training=None) for name, run in report.runs.items()}
    assert draw_file(CHARTS["training_curves"], dataclasses.replace(report, runs=runs)) is None


def test_without_a_check_no_rate_is_drawn(report):
    unchecked = dataclasses.replace(report, case=report.case.model_copy(update={"learning_rate": None}), rates={})
    assert draw_file(CHARTS["learning_rate"], unchecked) is None
    assert () == CHARTS["learning_rate"].table(unchecked).rows


def test_a_rate_whose_training_failed_is_missing_and_no_other(report):
    some = dataclasses.replace(report, rates={1e-3: report.rates[1e-3]}, verdicts=())
    assert draw_file(CHARTS["learning_rate"], some) is not None
    assert ["1e-3"] * 3 == [row[0] for row in CHARTS["learning_rate"].table(some).rows]
    assert "of standard's gain" not in CHARTS["learning_rate"].alt(some)


def test_hostile_models_are_drawn_as_text(report):
    evil = {"base": "base", "standard": "<b>$\\frac{$\x00" + "x" * 10_000, "lora": "\ud800\u05e9\u05dc & _lora"}
    check = report.case.learning_rate.model_copy(update={"model": evil["lora"], "of": evil["standard"]})
    models = {evil[name]: recipe for name, recipe in report.case.models.items()}
    case = report.case.model_copy(update={"learning_rate": check, "models": models})
    runs = {evil[name]: run for name, run in report.runs.items()}
    hostile = dataclasses.replace(report, case=case, models=tuple(evil.values()), runs=runs)
    ET.fromstring(draw_file(CHARTS["learning_rate"], hostile).content)  # noqa: S314 (drawn here)


def test_one_category(rewritten):
    one = rewritten(lambda pair: dataclasses.replace(pair, category="all"))
    assert draw_file(CHARTS["category_heatmap"], one) is not None
    assert "all (60 positive, 30 negative)" in CHARTS["category_heatmap"].alt(one)


def test_many_categories_show_the_largest(rewritten):
    many = rewritten(lambda pair: dataclasses.replace(pair, category=f"c{hash_of(pair) % 40:02}"))
    assert draw_file(CHARTS["category_heatmap"], many) is not None
    left_out = len(many.runs["base"].evaluation.categories) - 25
    assert f"{left_out} smaller categories are not shown" in CHARTS["category_heatmap"].alt(many)


def hash_of(pair: Pair) -> int:
    return int(pair.text_1.rsplit(" ", 1)[1])


def test_hostile_names_are_drawn_as_text(rewritten):
    evil = "<b>$\\frac{$ \U0001f600 \x00\ud800 \u05e9\u05dc\u05d5\u05dd" + "x" * 10_000
    report = rewritten(
        lambda pair: dataclasses.replace(pair, category=evil + pair.category, pair_type=evil + pair.pair_type)
    )
    for name in ("category_heatmap", "false_positives"):
        ET.fromstring(draw_file(CHARTS[name], report).content)  # noqa: S314 (drawn here)


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_has_a_table(name, report):
    table = CHARTS[name].table(report)
    assert table.rows
    assert {len(table.headers)} == {len(row) for row in table.rows}


def test_tables_hold_the_measured_values(report):
    def row_of(name, key):
        return next(row for row in CHARTS[name].table(report).rows if row[0] == key)

    f1 = metric(report, "lora", "best_f1")
    assert ("lora", shown(metric(report, "lora", "cohens_d").value)) == row_of("cohens_d", "lora")
    keys = ("accuracy", "precision", "recall")
    assert ("lora", *(shown(v) for v in (f1.details["threshold"], f1.value, *map(f1.details.get, keys)))) == row_of(
        "classification", "lora"
    )
    counts = [metric(report, model, "false_positives").details["by_pair_type"] for model in report.measured]
    expected = ("dealbreaker", "15", *(str(count["dealbreaker"]["false_positives"]) for count in counts))
    assert expected == row_of("false_positives", "dealbreaker")
    assert "one label" in row_of("category_heatmap", "one_label")
    assert ("lora", "3", "0.300", "0.133") == CHARTS["training_curves"].table(report).rows[-1]
    assert ("1e-3", "3", "0.300", "0.133") == CHARTS["learning_rate"].table(report).rows[-1]


def shown(value: float) -> str:
    return f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


def test_bins_hold_every_pair_and_curves_are_thinned(report):
    bins = CHARTS["score_distributions"].table(report).rows
    totals = [sum(int(row[column]) for row in bins) for column in range(2, 8)]
    assert [60, 30] * 3 == totals
    models = [row[0] for row in CHARTS["roc"].table(report).rows]
    assert all(2 <= models.count(model) <= 20 for model in report.measured)
    assert 20 == len(CHARTS["umap"].table(report).rows)


def test_points_of_the_umap_lie_in_the_picture_and_say_their_pair(report):
    points = draw_file(CHARTS["umap"], report).points
    assert ["base", "standard", "lora"] == points["models"]
    assert len(report.pairs) == len(points["pairs"])
    first = points["pairs"][0]
    assert ["boy: left 0", "girl: right 0"] == first["texts"]
    assert ("0 (negative)", "dealbreaker", 1) == (first["label"], first["type"], first["line"])
    assert [shown(run.evaluation.scores[0]) for run in report.measured.values()] == first["scores"]
    for pair in points["pairs"]:
        xs, ys = zip(*pair["at"], strict=True)
        assert 0 < xs[0] < 0.4 < xs[1] < 0.7 < xs[2] < 1  # the panels stand side by side
        assert all(0 < y < 1 for y in ys)


def test_flips_are_counted_each_model_at_its_own_threshold(report, stored_as):
    threshold = metric(report, "lora", "best_f1").details["threshold"]
    scores = report.runs["lora"].evaluation.scores
    right = next(i for i, p in enumerate(report.pairs) if p.label == 1 and scores[i] > threshold)

    def worse_and_lower(row, model, score):
        return score - (0.8 if (row, model) == (right, "lora") else 0.3)

    changed = stored_as(report, worse_and_lower)
    lora = CHARTS["change"].table(changed).rows[-1]
    assert ("lora", "90", "0", "1") == (*lora[:2], *lora[4:6])
    assert ("0.000", "0.800") == lora[-2:]
    assert draw_file(CHARTS["change"], changed) is not None


@pytest.mark.parametrize("kind", ["none", "other data"])
def test_no_comparable_baseline_is_said_in_place_of_the_picture(report, kind):
    other = dataclasses.replace(report.pairs, digest="f" * 64)
    changed = {"none": {"baseline": None}, "other data": {"pairs": other}}[kind]
    chart = render(dataclasses.replace(report, **changed))[-1]
    assert ("change", b"", ()) == (chart.name, chart.content, chart.table.rows)
    assert {"none": "No baseline is stored", "other data": "other evaluation pairs"}[kind] in chart.alt


def test_same_report_same_bytes(report, charts):
    assert charts == render(report)


def test_a_model_keeps_its_colour_when_another_is_missing(report, without_standard):
    assert report.colours == without_standard.colours
    assert len(set(report.colours.values())) == 3


def test_labels_and_models_never_share_a_colour():
    assert not set(LABEL_COLOURS.values()) & set(types._COLOURS)


def test_a_hundred_thousand_pairs_stay_small(report):
    times = 1112
    pairs = dataclasses.replace(report.pairs, pairs=report.pairs.pairs * times)
    runs = {
        name: dataclasses.replace(
            run, evaluation=dataclasses.replace(run.evaluation, scores=run.evaluation.scores * times)
        )
        for name, run in report.runs.items()
    }
    planes = {name: np.tile(plane, (times, 1)) for name, plane in report.planes.items()}
    baseline = report.baseline.model_copy(update={"scores": report.baseline.scores * times})
    many = dataclasses.replace(report, pairs=pairs, runs=runs, planes=planes, baseline=baseline)
    rendered = render(many)
    assert len(pairs) > 100_000
    assert all(chart.content for chart in rendered)
    assert all(len(chart.table.rows) <= 60 for chart in rendered)
    assert len(summary_html([many], {"synthetic": rendered})) < 3_000_000


def test_importing_charts_and_report_loads_nothing_heavy():
    heavy = "{'matplotlib', 'jinja2', 'torch', 'sklearn', 'scipy'}"
    source = f"import sys, harness.charts, harness.report; print({heavy} & sys.modules.keys())"
    shown = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert "set()\n" == shown.stdout
