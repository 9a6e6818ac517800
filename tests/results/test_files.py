"""What is written is read again, and what is no results.json is refused in one line."""

import json
import math

import pytest

from harness.errors import HarnessError
from harness.results import CandidateEntry, PairTable, Results, read_pair_tables, read_results, write_results

from ..synthetic import make_report, with_case

LORA = ("cases", "dating", "models", "lora")


@pytest.fixture(scope="module")
def results():
    return Results(harness="0.1.0", machine="m", cases={"dating": make_report("dating").case})


@pytest.fixture
def path(tmp_path, results):
    path = tmp_path / "results.json"
    write_results(path, results, {"dating": make_report("dating").pairs})
    return path


def change(path, *way_and_value):
    """Put the last of the values where the rest leads to, in the file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    *way, key, value = way_and_value
    inner = content
    for step in way:
        inner = inner[step]
    inner[key] = value
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("undefined", [(), ("lora",), ("base", "standard", "lora")])
def test_what_is_written_is_read_again(undefined, tmp_path):
    report = make_report("dating", undefined=undefined)
    cases = {"dating": report.case, "empty": with_case(report, models={}, pairs=0).case}
    written, path = Results(harness="0", machine="m", cases=cases), tmp_path / "results.json"
    write_results(path, written, {"dating": report.pairs})
    assert {found.name for found in tmp_path.iterdir()} == {"results.json", "pairs-dating.json"}
    read = read_results(path)
    assert read.model_dump_json() == written.model_dump_json()  # NaN is not equal to itself
    pairs = read_pair_tables(path, read)
    assert (repr(pairs["dating"]), len(pairs["empty"])) == (repr(report.pairs), 0)
    assert "NaN" not in path.read_text(encoding="utf-8")
    model = json.loads(path.read_text(encoding="utf-8"))["cases"]["dating"]["models"]["lora"]
    values = model["metrics"]["spearman"]["value"], model["analyses"]["operating_point"]["threshold"]
    assert ((None, None) == values) == bool(undefined), "undefined is null, and never 0"
    assert math.isnan(read.cases["dating"].models["lora"].metrics["spearman"].value) == bool(undefined)


def test_what_utf_8_cannot_hold_costs_a_character_and_not_the_run(tmp_path):
    named = CandidateEntry(model="lora", strategy="lora", path="dir\udcff", sha256="0" * 64)
    case = with_case(make_report("dating"), candidate=named).case
    path = tmp_path / "results.json"
    write_results(path, Results(harness="0", machine="m", cases={"dating": case}), {})
    assert read_results(path).cases["dating"].candidate.path == "dir?"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("\x00", "not JSON"),
        ("[" * 200_000, "not JSON"),
        ("[]", "got [], expected a results.json: an object with the key schema"),
        ('{"schema": 3}', "schema: got 3, expected 2"),
        ('{"schema": true}', "schema: got true, expected 2"),
        ('{"schema": "1"}', 'schema: got "1", expected 2'),
        ('{"schema": 1, "cases": {}}', "run again with this version, or compare with the version that made it"),
        ('{"schema": 2}', "harness: Field required; got"),
        ('{"schema": 2, "harness": "0", "machine": "m", "cases": []}', "cases: Input should be an object; got []"),
    ],
)
def test_what_is_no_results_file_is_said_in_one_line(text, message, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HarnessError) as caught:
        read_results(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change_", "message"),
    [
        ((*LORA, "metrics", "spearman", "value", "0.8"), "lora.metrics.spearman.value: Input should be a valid number"),
        (
            (*LORA, "metrics", "recall", {"value": 1}),
            "metrics.recall.[key]: Value error, recall: expected one of spearman",
        ),
        ((*LORA, "encoding", "texts", 1.5), "lora.encoding.texts: Input should be a valid integer"),
        ((*LORA, "speed", 1), "lora.speed: Extra inputs are not permitted"),
        (("cases", "dating", "verdicts", 0, "outcome", "passed"), "verdicts.0.outcome: Input should be 'pass', 'fail'"),
        (("cases", "dating", "verdicts", 0, "gate", "speed"), "verdicts: Value error, speed: expected one of files"),
        (("cases", "dating", "pair_table", "../x"), "pair_table: String should match pattern"),
    ],
)
def test_what_is_broken_is_named(change_, message, path):
    change(path, *change_)
    with pytest.raises(HarnessError) as caught:
        read_results(path)
    assert message in str(caught.value)


def test_a_missing_file_is_said(tmp_path, results):
    for path in (tmp_path / "no.json", tmp_path):
        with pytest.raises(HarnessError, match=r"cannot be read: .*; expected a results.json"):
            read_results(path)
    with pytest.raises(HarnessError, match=r"pairs-dating.json: cannot be read: .*; expected the pair table"):
        read_pair_tables(tmp_path / "results.json", results)


def test_a_pair_table_belongs_to_its_results(path, results):
    table = path.with_name("pairs-dating.json")
    other = PairTable(**dict.fromkeys(("text_1", "text_2", "label"), ()))
    table.write_text(other.model_dump_json(), encoding="utf-8")
    with pytest.raises(HarnessError, match="does not belong to"):
        read_pair_tables(path, results)
    table.write_text('{"text_1": ["a"]}', encoding="utf-8")
    with pytest.raises(HarnessError, match="a column has another length than the 0 labels"):
        read_pair_tables(path, results)
