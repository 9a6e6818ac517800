"""A candidate is found where the option says, and stands for one model of the case; what is unclear is asked for."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from harness.candidates import find_candidate, require_unchanged
from harness.errors import CaseError, CheckpointError
from harness.examination import examine
from harness.pipeline import run_model
from harness.workplace import Workplace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.candidates import Candidate
    from harness.case import Case


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
def test_what_it_stands_for_is_asked_where_it_is_unclear(
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
    from pathlib import Path

    monkeypatch.chdir(directory.parent)
    assert directory == find_candidate(case, "lora", Path("model")).path


def test_the_digest_is_that_of_the_names_and_contents_of_all_files(case: Case, directory: Path) -> None:
    files = {
        "1_Pooling/config.json": hashlib.sha256(b"{}").hexdigest(),
        "README.md": hashlib.sha256(b"words").hexdigest(),
    }
    expected = hashlib.sha256(json.dumps(files, separators=(",", ":")).encode()).hexdigest()
    assert expected == find_candidate(case, "lora", directory).digest


def test_every_file_changes_the_digest(case: Case, directory: Path) -> None:
    digests = [find_candidate(case, "lora", directory).digest]
    (directory / "README.md").write_text("Words", encoding="utf-8")
    digests.append(find_candidate(case, "lora", directory).digest)
    (directory / "1_Pooling" / "config.json").rename(directory / "config.json")
    digests.append(find_candidate(case, "lora", directory).digest)
    (directory / ".hidden").touch()
    digests.append(find_candidate(case, "lora", directory).digest)
    assert 4 == len(set(digests))


def test_the_same_files_elsewhere_have_the_same_digest(case: Case, directory: Path) -> None:
    first = find_candidate(case, "lora", directory).digest
    assert first == find_candidate(case, "lora", directory.rename(directory.with_name("moved"))).digest


def test_a_candidate_that_changes_while_it_is_gated_is_refused_and_not_remembered(
    arrived: Callable[..., Candidate], tiny_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = arrived("lora")
    require_unchanged(candidate)
    inputs = dataclasses.replace(tiny_run.inputs, candidate=candidate)
    real = Workplace.stage

    def edited(work: Workplace, title: str, *arguments: Any) -> Any:
        (candidate.path / "notes.txt").write_text(title, encoding="utf-8")  # as a copy that still runs
        return real(work, title, *arguments)

    monkeypatch.setattr(Workplace, "stage", edited)
    for measure in (
        lambda: run_model(tiny_run.work, inputs, "lora"),
        lambda: examine(tiny_run.work, "examine", candidate, inputs.base),
    ):
        with pytest.raises(CheckpointError, match=r"changed while it was gated: .* Wait until it is complete, and run"):
            measure()
    kept = [path.read_text(encoding="utf-8") for path in tiny_run.work.store.root.glob("*/*/manifest.json")]
    assert [] == [manifest for manifest in kept if candidate.digest in manifest]
