"""The published schema accepts what a run writes, and nothing that is broken."""

from __future__ import annotations

import copy
import dataclasses
import importlib.util
import json
import math
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from harness.gates import Verdict
from harness.metrics import METRICS
from harness.operating import QUANTITIES
from harness.power import ModelPower
from harness.report import results_json
from harness.report.results import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = importlib.util.spec_from_file_location("report_fixtures", Path(__file__).parent / "report" / "conftest.py")
FIXTURES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(FIXTURES)
report, without_standard, partly_undefined, undefined_report = (
    getattr(FIXTURES, name) for name in ("report", "without_standard", "partly_undefined", "undefined_report")
)

ORIGIN = {"eval_sha256": "e" * 64, "eval_pairs": 90, "base_name": "m", "base_digest": "b" * 64}
PROVENANCE = {"machine": "m", "harness": "0.1.0", "origin": {"synthetic": ORIGIN}}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(files("harness").joinpath("results.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def problems(schema) -> Callable[[Any], list[str]]:
    validator = Draft202012Validator(schema)
    return lambda content: sorted({error.json_path for error in validator.iter_errors(content)})


@pytest.fixture(scope="module")
def written(report) -> dict[str, Any]:
    """A real results file as a tool reads it."""
    return json.loads(json.dumps(results_json([report], PROVENANCE), allow_nan=False))


def test_schema_is_valid_and_of_this_version(schema):
    Draft202012Validator.check_schema(schema)
    assert SCHEMA == schema["properties"]["schema"]["const"]


def test_schema_says_what_every_key_is(schema):
    described_where_defined = {("provenance", "#/$defs/provenance"), ("details", "#/$defs/details")}
    constraints = {
        "value",
        "interval",
        "stored",
        "tolerance",
        "reason",
    }  # said again, without words, to narrow a metric

    def bare(node):
        for name, part in node.get("properties", {}).items():
            if part and "description" not in part and (name, part.get("$ref")) not in described_where_defined:
                yield name
        for part in node.values():
            if isinstance(part, dict):
                yield from bare(part)

    assert set() == set(bare(schema)) - constraints
    metric = schema["$defs"]["metric"]["properties"]
    assert all("description" in metric[name] for name in constraints)
    assert all("description" in schema["$defs"][name] for name in ("provenance", "details"))


def test_schema_knows_every_value_of_an_operating_point(schema):
    described = schema["$defs"]["operating_point"]["properties"]["values"]["properties"]
    assert list(QUANTITIES) == list(described)
    assert all(f"{q.direction} is better" in described[name]["description"] for name, q in QUANTITIES.items())


def test_schema_knows_every_metric_with_its_range_and_direction(schema):
    described = schema["$defs"]["model"]["properties"]["metrics"]["properties"]
    assert set(METRICS) == set(described)
    for name, metric in METRICS.items():
        assert f"{metric.direction} is better" in described[name]["description"]
        value = schema["$defs"][described[name]["$ref"].rsplit("/", 1)[-1]]["properties"]["value"]
        assert (metric.low, metric.high) == (value.get("minimum", -float("inf")), value.get("maximum", float("inf")))


def test_what_the_gate_sees_is_valid(report, problems):
    power = ModelPower(0.01, 0.0, {"spearman": 0.06, "values/auc_roc": math.nan}, {"spearman": -0.01})
    seen = dataclasses.replace(report, power={"lora": power})
    assert [] == problems(json.loads(json.dumps(results_json([seen], PROVENANCE), allow_nan=False)))
    for wrong in (dataclasses.replace(power, fails=1.1), dataclasses.replace(power, drops={"spearman": -0.1})):
        content = results_json([dataclasses.replace(report, power={"lora": wrong})], PROVENANCE)
        assert 1 == len(problems(content))


@pytest.mark.parametrize("kind", ["report", "without_standard", "partly_undefined", "undefined_report"])
def test_what_a_run_writes_is_valid(kind, request, problems):
    content = results_json([request.getfixturevalue(kind)], PROVENANCE)
    assert [] == problems(json.loads(json.dumps(content, allow_nan=False)))


def test_a_failed_run_is_valid(report, problems):
    failed = Verdict("comparable", "", "", "fail", 1, 0, "no baseline is stored")
    bare = dataclasses.replace(report, runs={}, verdicts=(failed,), baseline=None)
    unstored = dataclasses.replace(report, verdicts=(), baseline=None)
    for case in (bare, unstored):
        assert [] == problems(json.loads(json.dumps(results_json([case], {}), allow_nan=False)))


def put(*path: Any) -> Callable[[dict[str, Any]], None]:
    """A change that puts the last of `path` where the rest leads to."""

    def change(content: dict[str, Any]) -> None:
        *way, key, value = path
        for step in way:
            content = content[step]
        content[key] = value

    return change


def drop(*path: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        *way, key = path
        for step in way:
            content = content[step]
        del content[key]

    return change


LORA = ("cases", "synthetic", "models", "lora")
POINT = (*LORA, "operating_point")
LARGE = ("cases", "synthetic", "more", "large")
SPEARMAN = (*LORA, "metrics", "spearman")
GATE = ("cases", "synthetic", "gates", 0)
RATES = ("cases", "synthetic", "learning_rate")
CHECK = ("cases", "synthetic", "audit", "checks", "shared_pairs")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (drop("schema"), "$"),
        (put("schema", 2), "$.schema"),
        (put("schema", "1"), "$.schema"),
        (put("extra", 1), "$"),
        (put("cases", []), "$.cases"),
        (drop("cases", "synthetic", "gates"), "$.cases.synthetic"),
        (put("cases", "synthetic", "speed", 1), "$.cases.synthetic"),
        (drop(*LORA, "parameters"), "$.cases.synthetic.models.lora"),
        (put(*LORA, "parameters", "total", 1.5), "$.cases.synthetic.models.lora.parameters.total"),
        (put(*LORA, "parameters", "trainable", -1), "$.cases.synthetic.models.lora.parameters.trainable"),
        (put(*LORA, "peak_rss_mb", "load", 1), "$.cases.synthetic.models.lora.peak_rss_mb"),
        (put(*LORA, "peak_rss_mb", "train", "1 GB"), "$.cases.synthetic.models.lora.peak_rss_mb.train"),
        (put(*LORA, "train_seconds", -1), "$.cases.synthetic.models.lora.train_seconds"),
        (put(*LORA, "metrics", {}), "$.cases.synthetic.models.lora.metrics"),
        (put(*SPEARMAN, "value", "0.8"), "$.cases.synthetic.models.lora.metrics.spearman.value"),
        (put(*SPEARMAN, "value", 1.1), "$.cases.synthetic.models.lora.metrics.spearman.value"),
        (put(*SPEARMAN, "value", None), "$.cases.synthetic.models.lora.metrics.spearman"),
        (put(*SPEARMAN, "reason", "of a number"), "$.cases.synthetic.models.lora.metrics.spearman"),
        (put(*SPEARMAN, "stored", None), "$.cases.synthetic.models.lora.metrics.spearman.tolerance"),
        (put(*SPEARMAN, "tolerance", -0.1), "$.cases.synthetic.models.lora.metrics.spearman.tolerance"),
        (put(*SPEARMAN, "verdict", "passed"), "$.cases.synthetic.models.lora.metrics.spearman.verdict"),
        (drop(*SPEARMAN, "verdict"), "$.cases.synthetic.models.lora.metrics.spearman"),
        (put(*SPEARMAN, "details", {"all": [1]}), "$.cases.synthetic.models.lora.metrics.spearman.details.all"),
        (put(*LORA, "categories", "values", "count", None), "$.cases.synthetic.models.lora.categories.values.count"),
        (put(*LORA, "pair_types", "compatible", "auc_roc", 2), "$.cases.synthetic.models.lora.pair_types.compatible"),
        (put(*POINT, "threshold", 1.5), "$.cases.synthetic.models.lora.operating_point.threshold"),
        (drop(*POINT, "degenerate"), "$.cases.synthetic.models.lora.operating_point"),
        (put(*POINT, "values", "f1", "interval", None), "$.cases.synthetic.models.lora.operating_point.values.f1"),
        (
            put(*POINT, "values", "brier", "guess", 2),
            "$.cases.synthetic.models.lora.operating_point.values.brier.guess",
        ),
        (put(*POINT, "values", "ece", 0.1), "$.cases.synthetic.models.lora.operating_point.values"),
        (put(*LARGE, "in_train", -1), "$.cases.synthetic.more.large.in_train"),
        (put(*LARGE, "models", "lora", "spearman", 1), "$.cases.synthetic.more.large.models.lora.spearman"),
        (put(*LARGE, "models", "lora", "spearman", "width_share", -1), "$.cases.synthetic.more.large.models.lora"),
        (drop("cases", "synthetic", "audit", "leaked_pairs"), "$.cases.synthetic.audit"),
        (put("cases", "synthetic", "audit", "leak_free", "lora", 1), "$.cases.synthetic.audit.leak_free.lora"),
        (put(*CHECK, "value", None), "$.cases.synthetic.audit.checks.shared_pairs"),
        (put(*CHECK, "reason", "of a number"), "$.cases.synthetic.audit.checks.shared_pairs"),
        (put(*CHECK, "unit", "per cent"), "$.cases.synthetic.audit.checks.shared_pairs.unit"),
        (put(*CHECK, "limit", -1), "$.cases.synthetic.audit.checks.shared_pairs.limit"),
        (put(*RATES, "points", []), "$.cases.synthetic.learning_rate.points"),
        (drop(*RATES, "metric"), "$.cases.synthetic.learning_rate"),
        (put(*RATES, "points", 0, "learning_rate", 0), "$.cases.synthetic.learning_rate.points[0].learning_rate"),
        (drop(*RATES, "points", 0, "curve", 0, "loss"), "$.cases.synthetic.learning_rate.points[0].curve[0]"),
        (drop(*CHECK, "examples"), "$.cases.synthetic.audit.checks.shared_pairs"),
        (put(*GATE, "verdict", None), "$.cases.synthetic.gates[0].verdict"),
        (put(*GATE, "case", "synthetic"), "$.cases.synthetic.gates[0]"),
        (drop(*GATE, "message"), "$.cases.synthetic.gates[0]"),
        (put("provenance", "machine", 1), "$.provenance.machine"),
        (put("provenance", "origin", "synthetic", "base_digest", "b"), "$.provenance.origin.synthetic.base_digest"),
    ],
)
def test_what_is_broken_is_refused_where_it_is(change, where, written, problems):
    broken = copy.deepcopy(written)
    change(broken)
    found = problems(broken)
    assert found
    assert all(path.startswith(where) for path in found), found
