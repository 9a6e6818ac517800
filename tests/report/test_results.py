"""`results.json` is strict JSON of the promised shape."""

from __future__ import annotations

import dataclasses
import json

import pytest

from harness.metrics import METRICS
from harness.report import results_json


def strict(content):
    return json.loads(json.dumps(content, allow_nan=False))


@pytest.mark.parametrize("kind", ["report", "without_standard", "partly_undefined", "undefined_report"])
def test_shape(kind, request):
    report = request.getfixturevalue(kind)
    content = strict(results_json([report], {"machine": "m"}))
    assert {"schema": 1, "provenance": {"machine": "m"}} == {key: content[key] for key in ("schema", "provenance")}
    assert {"schema", "cases", "provenance"} == content.keys()
    case = content["cases"]["synthetic"]
    assert list(report.measured) == list(case["models"])
    for model, values in case["models"].items():
        cost = {"peak_rss_mb", "train_seconds", "weights_mb", "parameters"}
        assert {"metrics", "categories", "pair_types", "operating_point", *cost} == values.keys()
        assert {"total", "trainable"} == values["parameters"].keys()
        assert ({"encode"} if model == "base" else {"train", "encode"}) == values["peak_rss_mb"].keys()
        assert list(METRICS) == list(values["metrics"])
        for metric in values["metrics"].values():
            assert {"value", "interval", "stored", "tolerance", "verdict"} <= metric.keys()
            assert metric.keys() <= {"value", "interval", "stored", "tolerance", "verdict", "reason", "details"}
        assert set(report.pairs.categories) == values["categories"].keys()
        assert set(report.pairs.pair_types) == values["pair_types"].keys()
    assert len(report.verdicts) == len(case["gates"])
    for gate in case["gates"]:
        assert {"name", "model", "metric", "verdict", "observed", "reference", "message"} == gate.keys()


def test_numbers_are_the_measured_ones(report):
    models = results_json([report], {})["cases"]["synthetic"]["models"]
    run = report.runs["lora"]
    assert run.evaluation.metrics["auc_roc"].value == models["lora"]["metrics"]["auc_roc"]["value"]
    assert report.baseline.models["lora"].metrics["auc_roc"].value == models["lora"]["metrics"]["auc_roc"]["stored"]
    assert (
        report.baseline.models["lora"].metrics["margin"].tolerance == models["lora"]["metrics"]["margin"]["tolerance"]
    )
    assert "pass" == models["lora"]["metrics"]["auc_roc"]["verdict"]
    assert {"total": 22_786_944, "trainable": 73_728} == models["lora"]["parameters"]
    assert {"total": 22_713_216, "trainable": 0} == models["base"]["parameters"]
    assert {"train": 1033.0, "encode": 612.0} == models["lora"]["peak_rss_mb"]
    assert models["base"]["train_seconds"] is None
    assert run.evaluation.categories["values"].auc_roc == models["lora"]["categories"]["values"]["auc_roc"]


def test_the_checked_rates_are_there_with_their_curves(report):
    content = strict(results_json([report], {}))["cases"]["synthetic"]["learning_rate"]
    assert ("lora", "standard", "spearman") == (content["model"], content["of"], content["metric"])
    assert [2e-5, 2e-4, 1e-3] == [point["learning_rate"] for point in content["points"]]
    values = [report.runs[name].evaluation.metrics["spearman"].value for name in ("base", "lora", "lora")]
    assert values == [point["value"] for point in content["points"]]
    assert {"epoch": 1, "loss": 0.4, "spearman": 0.1} == content["points"][0]["curve"][0]
    assert "learning_rate" not in results_json([dataclasses.replace(report, rates={})], {})["cases"]["synthetic"]


def test_undefined_is_null_with_its_reason(undefined_report):
    models = results_json([undefined_report], {})["cases"]["synthetic"]["models"]
    metric = models["base"]["metrics"]["spearman"]
    assert (None, "90 of 90 scores are not finite") == (metric["value"], metric["reason"])


def test_a_gate_that_did_not_run_is_null(report):
    models = results_json([dataclasses.replace(report, verdicts=())], {})["cases"]["synthetic"]["models"]
    assert {None} == {metric["verdict"] for model in models.values() for metric in model["metrics"].values()}


def test_nothing_stored_is_null(report):
    models = results_json([dataclasses.replace(report, baseline=None)], {})["cases"]["synthetic"]["models"]
    metric = models["base"]["metrics"]["spearman"]
    assert (None, None) == (metric["stored"], metric["tolerance"])


def test_details_hold_no_list_of_every_pair(report):
    metrics = results_json([report], {})["cases"]["synthetic"]["models"]["lora"]["metrics"]
    assert {"n_positive", "n_negative"} == metrics["auc_roc"]["details"].keys()
    assert "cluster_labels" not in metrics["cluster_purity"]["details"]
    assert {"dealbreaker", "incompatible"} == metrics["false_positives"]["details"]["by_pair_type"].keys()
