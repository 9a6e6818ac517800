"""The schema is the generated one, and accepts what a run writes."""

import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from harness.results import SCHEMA, Results
from harness.results.schema import schema_text

from ..synthetic import make_report, with_case


@pytest.fixture(scope="module")
def schema():
    stored = files("harness").joinpath("results.schema.json").read_text(encoding="utf-8")
    assert stored == schema_text(), "write it again: python -m harness.results.schema"
    return json.loads(stored)


def test_it_is_valid_and_of_this_version(schema):
    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"]["const"] == SCHEMA
    assert "schema" in schema["required"]


def test_it_says_what_every_key_is(schema):
    parts = {"results": schema, **schema["$defs"]}
    bare = {
        f"{part}.{name}"
        for part, content in parts.items()
        for name, field in content["properties"].items()
        if "description" not in field
        and part not in {"Estimate", "Interval", "Origin", "ParameterCounts"}  # said for the whole
    }
    assert bare == set()
    assert all(content["description"] for content in parts.values())


@pytest.mark.parametrize("undefined", [(), ("lora",), ("base", "standard", "lora")])
def test_what_a_run_writes_is_valid(undefined, schema):
    report = make_report("dating", undefined=undefined)
    bare = with_case(report, models={}, verdicts=(), error="no disk", audit=None, extra_sets={}, learning_rate=None)
    results = Results(harness="0", machine="m", cases={"dating": report.case, "bare": bare.case})
    content = json.loads(results.model_dump_json())
    assert [error.json_path for error in Draft202012Validator(schema).iter_errors(content)] == []
    content["cases"]["dating"]["speed"] = 1
    assert not Draft202012Validator(schema).is_valid(content)
