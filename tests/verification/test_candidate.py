"""A candidate is found where the option says, and stands for one model of the case; what is unclear is asked for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import CaseError
from harness.verification import find_candidate

if TYPE_CHECKING:
    from harness.config import Case


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


@pytest.mark.parametrize(("strategy", "model"), [("lora", "lora"), ("full", "standard")])
def test_it_stands_for_the_only_model_of_its_strategy(case: Case, directory: Path, strategy: Any, model: str) -> None:
    candidate = find_candidate(case, strategy, directory)
    assert (model, strategy, directory) == (candidate.model, candidate.strategy, candidate.path)


def test_it_stands_for_the_model_that_is_named_whatever_its_strategy(case: Case, directory: Path) -> None:
    assert "standard" == find_candidate(case, "lora", directory, "standard").model
    assert "m1" == find_candidate(with_models(case, "lora", "lora"), "lora", directory, "m1").model
    assert "m0" == find_candidate(with_models(case, "full"), "lora", directory, "m0").model


@pytest.mark.parametrize(
    ("strategies", "found"),
    [(("full",), "0 models with strategy 'lora'"), (("lora", "full", "lora"), "2 models with strategy 'lora': m0, m2")],
)
def test_the_model_is_asked_for_where_it_is_unclear(
    case: Case, directory: Path, strategies: tuple[str, ...], found: str
) -> None:
    expected = f"--adapter {directory}: {case.path} has {found}; say which one it stands for: --as MODEL"
    assert expected == error_of(with_models(case, *strategies), "lora", directory)


@pytest.mark.parametrize("model", ["big", "base", ""])
def test_a_model_that_the_case_does_not_have_is_refused(case: Case, directory: Path, model: str) -> None:
    expected = f"--as {model}: not a model of {case.path}; expected one of standard, lora"
    assert expected == error_of(case, "lora", directory, model)


@pytest.mark.parametrize(
    ("strategy", "option", "kind"),
    [("lora", "--adapter", "a PEFT adapter"), ("full", "--full-model", "a sentence-transformers model")],
)
def test_a_path_without_a_directory_is_refused_with_the_name_of_its_option(
    case: Case, directory: Path, strategy: Any, option: str, kind: str
) -> None:
    gone, file = directory / "gone", directory / "README.md"
    assert f"{option} {gone}: nothing there; expected the directory of {kind}" == error_of(case, strategy, gone)
    assert f"{option} {file}: a file; expected the directory of {kind}" == error_of(case, strategy, file)


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
