"""A case file is read whole, or refused with one line for each thing that is wrong."""

from __future__ import annotations

import copy
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from harness.case import LOSSES, read_case
from harness.errors import CaseError
from harness.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REMOVED = object()
LORA = {"rank": 8, "alpha": 16, "dropout": 0.1, "target_modules": ["query"]}


def changed(content: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(content)
    *tables, last = key.split("/")
    table: Any = result
    for name in tables:
        table = table[int(name) if isinstance(table, list) else name]
    if value is REMOVED:
        del table[last]
    else:
        table[last] = value
    return result


@pytest.fixture
def content(dating_case_path: Path) -> dict[str, Any]:
    return tomllib.loads(dating_case_path.read_text(encoding="utf-8"))


@pytest.fixture
def write(
    tmp_path: Path, dating_case_path: Path, to_toml: Callable[[dict[str, Any]], str]
) -> Callable[[dict[str, Any]], Path]:
    def to_file(content: dict[str, Any]) -> Path:
        directory = tmp_path / "some_case"
        directory.mkdir()
        for file in dating_case_path.parent.glob("*.jsonl"):
            (directory / file.name).touch()
        path = directory / "case.toml"
        path.write_text(to_toml(content), encoding="utf-8")
        return path

    return to_file


def lines_of_error(path: Path) -> list[str]:
    with pytest.raises(CaseError) as caught:
        read_case(path)
    return str(caught.value).splitlines()


def test_the_shipped_case_reads(dating_case_path: Path) -> None:
    case = read_case(dating_case_path)
    assert "dating" == case.name
    assert ("base", "standard", "lora") == case.model_names
    assert ("lora",) == case.adapter_names
    assert (4, 16, 100, 2e-5) == (
        case.models["standard"].epochs,
        case.models["standard"].batch_size,
        case.models["standard"].warmup_steps,
        case.models["standard"].learning_rate,
    )
    lora = case.models["lora"].lora
    assert lora is not None
    assert (8, 16, 0.1, ["query", "value"]) == (lora.rank, lora.alpha, lora.dropout, lora.target_modules)
    assert {"standard": 1400, "lora": 1200} == case.gates.memory_mb.train
    assert (700, 1.15) == (case.gates.memory_mb.encode, case.gates.latency_ratio)
    assert dating_case_path.parent / "train.jsonl" == case.train_path
    assert dating_case_path.parent / "eval.jsonl" == case.eval_path
    assert {"large": dating_case_path.parent / "eval_large.jsonl"} == case.more_paths


def test_an_unchanged_copy_reads_the_same(write: Any, content: dict[str, Any], dating_case_path: Path) -> None:
    copied, shipped = read_case(write(content)), read_case(dating_case_path)
    assert shipped.model_dump(exclude={"path"}) == copied.model_dump(exclude={"path"})
    assert "some_case" == copied.name


def test_the_name_does_not_depend_on_how_the_path_is_written(
    dating_case_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dating_case_path.parent)
    assert "dating" == read_case(type(dating_case_path)("case.toml")).name


@pytest.mark.parametrize("loss", LOSSES)
def test_every_known_loss_is_accepted(write: Any, content: dict[str, Any], loss: str) -> None:
    assert loss == read_case(write(changed(content, "models/standard/loss", loss))).models["standard"].loss


# key to change, its value, and what the only line of the error must contain
WRONG = {
    "unknown-key": ("bogus", 1, ["bogus: unknown key", "expected one of description, base, data, models"]),
    "unknown-key-nested": ("gates/bogus", 1, ["gates.bogus: unknown key", "beats_base, divergence"]),
    "unknown-key-deeper": ("gates/memory_mb/bogus", 1, ["gates.memory_mb.bogus: unknown key", "train, encode"]),
    "unknown-key-in-list": ("gates/shares/0/bogus", 1, ["gates.shares.0.bogus: unknown key", "model, of, metric"]),
    "unknown-key-in-recipe": ("models/standard/epoch", 1, ["models.standard.epoch: unknown key", "strategy, loss, ep"]),
    "unknown-key-in-lora": ("models/lora/lora/r", 8, ["models.lora.lora.r: unknown key", "rank, alpha, dropout"]),
    "path-is-no-key": ("path", "elsewhere", ["path: unknown key"]),
    "text-for-integer": ("models/standard/epochs", "4", ["models.standard.epochs: ", "integer", 'got "4"']),
    "float-for-integer": ("models/standard/epochs", 4.0, ["models.standard.epochs: ", "integer", "got 4.0"]),
    "boolean-for-integer": ("models/standard/seed", True, ["models.standard.seed: ", "integer", "got true"]),
    "text-for-number": ("gates/divergence", "small", ["gates.divergence: ", "number", 'got "small"']),
    "text-for-table": ("base", "MiniLM", ["base: ", 'got "MiniLM"']),
    "integer-for-text": ("description", 3, ["description: ", "string", "got 3"]),
    "text-for-list": ("gates/beats_base", "spearman", ["gates.beats_base: ", "list", 'got "spearman"']),
    "missing-text": ("description", REMOVED, ["description: missing"]),
    "missing-table": ("gates/memory_mb", REMOVED, ["gates.memory_mb: missing"]),
    "missing-in-recipe": ("models/standard/seed", REMOVED, ["models.standard.seed: missing"]),
    "zero-epochs": ("models/standard/epochs", 0, ["models.standard.epochs: ", "greater than or equal to 1", "got 0"]),
    "zero-rate": ("models/standard/learning_rate", 0, ["models.standard.learning_rate: ", "greater than 0", "got 0"]),
    "nan": ("models/lora/learning_rate", float("nan"), ["models.lora.learning_rate: ", "finite", "got NaN"]),
    "infinite": ("gates/latency_ratio", float("inf"), ["gates.latency_ratio: ", "finite", "got Infinity"]),
    "nan-tolerance": ("tolerance/base/margin", float("nan"), ["tolerance.base.margin: ", "finite", "got NaN"]),
    "nan-ceiling": ("gates/memory_mb/train/lora", float("nan"), ["gates.memory_mb.train.lora: ", "finite", "got NaN"]),
    "unknown-strategy": ("models/standard/strategy", "qlora", ["models.standard.strategy: ", "'lora'", 'got "qlora"']),
    "unknown-loss": (
        "models/lora/loss",
        "mse",
        ["models.lora.loss: expected one of cosine_sim", "cosent", 'got "mse"'],
    ),
    "unknown-precision": ("models/lora/precision", "fp16", ["models.lora.precision: ", "'bf16'", 'got "fp16"']),
    "lora-table-missing": ("models/lora/lora", REMOVED, ["models.lora: ", "strategy lora needs a lora table"]),
    "lora-table-superfluous": ("models/standard/lora", LORA, ["models.standard: ", "a lora table is given", "'full'"]),
    "no-target-modules": ("models/lora/lora/target_modules", [], ["models.lora.lora.target_modules: ", "got []"]),
    "dropout-of-one": ("models/lora/lora/dropout", 1.0, ["models.lora.lora.dropout: ", "less than 1", "got 1.0"]),
    "unknown-metric": ("gates/beats_base", ["f2"], ["gates.beats_base.0: expected one of spearman", 'got "f2"']),
    "unknown-metric-in-share": ("gates/shares/0/metric", "f2", ["gates.shares.0.metric: expected one of", 'got "f2"']),
    "unknown-metric-in-tolerance": ("tolerance/floor/f2", 0.1, ["tolerance.floor.f2", "expected one of", 'got "f2"']),
    "tolerance-missing": (
        "tolerance/base/auc_roc",
        REMOVED,
        ["tolerance.base: no tolerance for auc_roc", "each metric"],
    ),
    "limit-missing": ("audit/one_word", REMOVED, ["audit.one_word: missing"]),
    "limits-missing": ("audit", REMOVED, ["audit: missing"]),
    "limit-unknown": ("audit/two_words", 0, ["audit.two_words: unknown key", "shared_pairs, near_shared_pairs"]),
    "limit-above-one": ("audit/duplicates", 1.5, ["audit.duplicates: ", "less than or equal to 1", "got 1.5"]),
    "limit-nan": ("audit/length_alone", float("nan"), ["audit.length_alone: ", "finite", "got NaN"]),
    "blank-prefix": ("data/prefixes", [" "], ["data.prefixes.0: ", 'got " "']),
    "two-seeds": ("tolerance/seeds", 2, ["tolerance.seeds: ", "greater than or equal to 3", "got 2"]),
    "share-of-unknown-model": ("gates/shares/0/of", "full", ["gates.shares: no model 'full'", "standard, lora"]),
    "share-above-one": ("gates/shares/0/share", 1.5, ["gates.shares.0.share: ", "less than or equal to 1", "got 1.5"]),
    "short-revision": ("base/revision", "1110a24", ["base.revision: ", "[0-9a-f]{40}", 'got "1110a24"']),
    "branch-as-revision": ("base/revision", "main", ["base.revision: ", "[0-9a-f]{40}", 'got "main"']),
    "bad-digest": ("base/sha256/model.safetensors", "53aa", ["base.sha256.model.safetensors: ", 'got "53aa"']),
    "two-sources": ("base/path", "model", ["base: both package and path are given; expected one of them"]),
    "ceiling-missing": (
        "gates/memory_mb/train/lora",
        REMOVED,
        ["gates.memory_mb.train: ceilings for standard; expected one for each of standard, lora"],
    ),
    "ceiling-superfluous": ("gates/memory_mb/train/other", 1, ["gates.memory_mb.train: ceilings for", "lora, other"]),
    "rate-of-unknown-model": (
        "learning_rate/model",
        "adapter",
        ["learning_rate.model: got 'adapter', expected a model with the strategy lora: lora"],
    ),
    "rate-of-a-full-model": (
        "learning_rate/model",
        "standard",
        ["learning_rate.model: got 'standard', expected a model with the strategy lora: lora"],
    ),
    "rate-of-itself": (
        "learning_rate/of",
        "lora",
        ["learning_rate.of: got 'lora', expected a model with the strategy full: standard"],
    ),
    "rate-of-the-base": (
        "learning_rate/of",
        "base",
        ["learning_rate.of: got 'base', expected a model with the strategy full: standard"],
    ),
    "rate-in-a-falling-metric": (
        "learning_rate/metric",
        "false_positives",
        ["learning_rate.metric: expected one of spearman, ", 'got "false_positives"'],
    ),
    "rate-limits-crossed": (
        "learning_rate/stalls_at_most",
        0.5,
        ["learning_rate: stalls_at_most is 0.5 and learns_at_least 0.5; expected the first to be less"],
    ),
    "rate-limit-above-one": (
        "learning_rate/learns_at_least",
        1.5,
        ["learning_rate.learns_at_least: ", "less than or equal to 1", "got 1.5"],
    ),
    "rate-limit-missing": ("learning_rate/stalls_at_most", REMOVED, ["learning_rate.stalls_at_most: missing"]),
    "rate-unknown-key": ("learning_rate/rates", [1], ["learning_rate.rates: unknown key", "model, of, metric"]),
    "no-models": ("models", {}, ["models: ", "got {}"]),
    "missing-file": ("data/eval", "nowhere.jsonl", ["data.eval: ", "no file", "nowhere.jsonl"]),
    "directory-for-file": ("data/train", ".", ["data.train: ", "no file"]),
}


@pytest.mark.parametrize(("key", "value", "parts"), WRONG.values(), ids=WRONG)
def test_each_error_is_one_line_with_file_and_key_and_what_came_and_was_expected(
    write: Any, content: dict[str, Any], key: str, value: Any, parts: list[str]
) -> None:
    path = write(changed(content, key, value))
    [line] = lines_of_error(path)
    assert line.startswith(f"{path}: ")
    assert [] == [part for part in parts if part not in line], line


@pytest.mark.parametrize("name", ["base", "two words", "a-b", "1st"])
def test_a_model_needs_a_name_of_its_own(write: Any, content: dict[str, Any], name: str) -> None:
    content["models"][name] = content["models"]["standard"]
    content["gates"]["memory_mb"]["train"][name] = 1000
    path = write(content)
    assert [f"{path}: models.{name}: not a model name; expected an identifier other than 'base'"] == lines_of_error(
        path
    )


def test_a_hub_model_needs_its_revision(write: Any, content: dict[str, Any]) -> None:
    content["base"] = {"name": "someone/model"}
    [line] = lines_of_error(write(content))
    assert "base: a hub model needs a revision (the full 40-digit commit); or give package or path" in line


def test_everything_that_is_wrong_is_listed_at_once(write: Any, content: dict[str, Any]) -> None:
    for key, value in [
        ("bogus", 1),
        ("models/standard/epochs", "four"),
        ("models/lora/loss", "mse"),
        ("gates/divergence", REMOVED),
    ]:
        content = changed(content, key, value)
    path = write(content)
    lines = lines_of_error(path)
    assert 4 == len(lines)
    assert {"bogus", "models.standard.epochs", "models.lora.loss", "gates.divergence"} == {
        line.removeprefix(f"{path}: ").split(":")[0] for line in lines
    }


def test_both_missing_files_are_listed_at_once(write: Any, content: dict[str, Any]) -> None:
    path = write(changed(changed(content, "data/train", "no_train.jsonl"), "data/eval", "no_eval.jsonl"))
    message = "\n".join(lines_of_error(path))
    assert "no_train.jsonl" in message
    assert "no_eval.jsonl" in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"not toml", "not TOML"), (b'description = "\xff"', "not TOML"), (b"a = 1\na = 2", "not TOML")],
    ids=["garbage", "not-utf-8", "key-twice"],
)
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "case.toml"
    path.write_bytes(content)
    [line] = lines_of_error(path)
    assert line.startswith(f"{path}: {reason}: ")


def test_a_case_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    assert [f"{path}: cannot be read: No such file or directory"] == lines_of_error(path)


def test_a_directory_is_not_a_case_file(tmp_path: Path) -> None:
    assert [f"{tmp_path}: cannot be read: Is a directory"] == lines_of_error(tmp_path)


@pytest.mark.parametrize("table", ["floor", "base"])
def test_every_metric_has_its_tolerance(dating_case_path: Path, table: str) -> None:
    assert set(METRICS) == set(getattr(read_case(dating_case_path).tolerance, table))


@pytest.mark.parametrize(("rate", "tenfold"), [(2e-5, 2e-4), (3e-5, 3e-4), (7e-6, 7e-5)])
def test_the_checked_rates_are_once_and_ten_times_that_of_full_fine_tuning(
    write: Any, content: dict[str, Any], rate: float, tenfold: float
) -> None:
    case = read_case(write(changed(content, "models/standard/learning_rate", rate)))
    assert (rate, tenfold) == case.checked_rates


def test_without_the_table_no_rate_is_checked(write: Any, content: dict[str, Any]) -> None:
    case = read_case(write(changed(content, "learning_rate", REMOVED)))
    assert (None, ()) == (case.learning_rate, case.checked_rates)


def test_a_case_is_frozen(dating_case_path: Path) -> None:
    case = read_case(dating_case_path)
    for part, name in [
        (case, "description"),
        (case.base, "name"),
        (case.models["lora"], "seed"),
        (case.gates, "shares"),
    ]:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, None)
