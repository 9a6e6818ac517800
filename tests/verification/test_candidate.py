"""A candidate is found where the option says, and stands for one model of the case; what is unclear is asked for."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from harness.config import Case
from harness.errors import CaseError
from harness.verification import find_candidate


@pytest.fixture(scope="module")
def case(tiny_inputs: Any) -> Case:
    found: Case = tiny_inputs.case
    return found


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    (path / "1_Pooling").mkdir(parents=True)
    (path / "1_Pooling" / "config.json").write_text("{}", encoding="utf-8")
    (path / "README.md").write_text("words", encoding="utf-8")
    return path


def with_models(case: Case, *strategies: str) -> Case:
    recipes = {recipe.strategy: recipe for recipe in case.models.values()}
    return case.model_copy(update={"models": {f"m{i}": recipes[s] for i, s in enumerate(strategies)}})


def error_of(*arguments: Any) -> str:
    with pytest.raises(CaseError) as caught:
        find_candidate(*arguments)
    return str(caught.value)


def test_it_stands_for_the_only_model_of_its_strategy_or_the_one_that_is_named(case: Case, directory: Path) -> None:
    for strategy, model in (("lora", "lora"), ("full", "standard")):
        candidate = find_candidate(case, strategy, directory)  # type: ignore[arg-type]
        assert (model, strategy, directory) == (candidate.model, candidate.strategy, candidate.path)
    assert "standard" == find_candidate(case, "lora", directory, "standard").model
    assert "m1" == find_candidate(with_models(case, "lora", "lora"), "lora", directory, "m1").model


@pytest.mark.parametrize(
    ("strategies", "found"),
    [(("full",), "0 models with strategy 'lora'"), (("lora", "full", "lora"), "2 models with strategy 'lora': m0, m2")],
)
def test_the_model_is_asked_for_where_it_is_unclear(
    case: Case, directory: Path, strategies: tuple[str, ...], found: str
) -> None:
    expected = f"--adapter {directory}: {case.path} has {found}; say which one it stands for: --as MODEL"
    assert expected == error_of(with_models(case, *strategies), "lora", directory)


@pytest.mark.parametrize("model", ["base", ""])
def test_a_model_that_the_case_does_not_have_is_refused(case: Case, directory: Path, model: str) -> None:
    expected = f"--as {model}: not a model of {case.path}; expected one of standard, lora"
    assert expected == error_of(case, "lora", directory, model)


def test_a_path_without_a_directory_is_refused_with_the_name_of_its_option(case: Case, directory: Path) -> None:
    gone, file = directory / "gone", directory / "README.md"
    assert f"--adapter {gone}: nothing there; expected the directory of a PEFT adapter" == error_of(case, "lora", gone)
    expected = f"--full-model {file}: a file; expected the directory of a sentence-transformers model"
    assert expected == error_of(case, "full", file)


def test_a_relative_path_is_made_absolute(case: Case, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory.parent)
    assert directory == find_candidate(case, "lora", Path("model")).path


def test_the_sha256_is_over_the_names_and_contents_of_all_files(case: Case, directory: Path) -> None:
    files = {
        "1_Pooling/config.json": hashlib.sha256(b"{}").hexdigest(),
        "README.md": hashlib.sha256(b"words").hexdigest(),
    }
    expected = hashlib.sha256(json.dumps(files, separators=(",", ":")).encode()).hexdigest()
    found = find_candidate(case, "lora", directory)
    assert expected == found.sha256
    moved = find_candidate(case, "lora", directory.rename(directory.with_name("moved")))
    assert expected == moved.sha256
    assert found.digest != moved.digest  # what is found out names the place
    (moved.path / ".hidden").touch()
    assert expected != find_candidate(case, "lora", moved.path).sha256
