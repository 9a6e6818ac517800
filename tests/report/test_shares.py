"""The share of each metric: a ratio where it means something, and a reason where it does not."""

from __future__ import annotations

import dataclasses
import math

import pytest

from harness.metrics import METRICS
from harness.report.shares import share_views
from harness.statistics import Interval, Share


def with_values(report, metric, **values):
    runs = dict(report.runs)
    for model, value in values.items():
        evaluation = runs[model].evaluation
        metrics = {**evaluation.metrics, metric: dataclasses.replace(evaluation.metrics[metric], value=value)}
        runs[model] = dataclasses.replace(runs[model], evaluation=dataclasses.replace(evaluation, metrics=metrics))
    return dataclasses.replace(report, runs=runs)


def row(report, metric):
    return share_views(report)[0]["rows"][list(METRICS).index(metric)]


def test_every_metric_has_a_row_and_the_gated_one_its_verdict(report):
    (view,) = share_views(report)
    assert ("lora", "standard") == (view["model"], view["of"])
    assert [metric.title for metric in METRICS.values()] == [row["title"] for row in view["rows"]]
    assert [("90%", "pass")] == [(r["least"], r["verdict"]) for r in view["rows"] if r["least"] != "not gated"]


def test_share_is_the_ratio_of_both_values(report):
    changed = with_values(report, "cohens_d", lora=3.51, standard=7.45)
    assert ("47.1%", "\N{MINUS SIGN}3.940", "") == tuple(
        row(changed, "cohens_d")[k] for k in ("share", "difference", "note")
    )


@pytest.mark.parametrize(
    ("metric", "lora", "standard", "share", "note"),
    [
        ("margin", 0.4, 0.0, "none", "standard is not above 0"),
        ("margin", 0.4, -0.5, "none", "standard is not above 0"),
        ("margin", -0.25, 0.5, "\N{MINUS SIGN}50.0%", ""),
        ("false_positives", 4.0, 8.0, "none", "lower is better: read the difference"),
        ("margin", math.nan, 0.5, "none", "undefined"),
        ("auc_roc", 0.5, 1.0, "50.0%", "a guess is far above 0 here, so the share flatters"),
    ],
)
def test_where_a_share_means_nothing_it_says_why(report, metric, lora, standard, share, note):
    shown = row(with_values(report, metric, lora=lora, standard=standard), metric)
    assert (share, note) == (shown["share"], shown["note"])


def test_a_share_and_the_gain_recovered_have_their_intervals(report):
    sure = Share(1.05, Interval(0.986, 1.11), -0.25, Interval(-0.5, 0.0))
    known = dataclasses.replace(report, shares={("lora", "standard"): {"spearman": sure}})
    shown = row(known, "spearman")
    assert "98.6% to 111.0%" == shown["interval"]
    assert ("\N{MINUS SIGN}25.0%", "\N{MINUS SIGN}50.0% to 0.0%") == (shown["recovered"], shown["recovered_interval"])
    assert ("", "none", "") == tuple(
        row(known, "margin")[key] for key in ("interval", "recovered", "recovered_interval")
    )
    undefined = Share(
        math.nan, Interval(math.nan, math.nan, "too few"), math.nan, Interval(math.nan, math.nan, "too few")
    )
    nothing = row(dataclasses.replace(report, shares={("lora", "standard"): {"spearman": undefined}}), "spearman")
    assert ("", "none", "") == tuple(nothing[key] for key in ("interval", "recovered", "recovered_interval"))


def test_no_share_without_both_models(without_standard):
    assert [] == share_views(without_standard)
