"""A candidate is found where the option says, and stands for one model of the case.

What is refused is in `tests/plugin/test_gate.py`, through the options.
"""

import hashlib
import json
from pathlib import Path

import pytest

from harness.config import DirectorySpec
from harness.errors import CaseError
from harness.verification import find_candidate, named_candidate


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "model"
    (path / "1_Pooling").mkdir(parents=True)
    (path / "1_Pooling" / "config.json").write_text("{}", encoding="utf-8")
    (path / "README.md").write_text("words", encoding="utf-8")
    return path


def test_it_stands_for_the_only_model_of_its_strategy_or_the_one_that_is_named(tiny_inputs, directory, monkeypatch):
    case = tiny_inputs.case
    monkeypatch.chdir(directory.parent)
    for strategy, model in (("lora", "lora"), ("full", "standard")):
        candidate = find_candidate(case, strategy, Path("model"))
        assert (model, strategy, directory) == (candidate.model, candidate.strategy, candidate.path)
    assert "standard" == find_candidate(case, "lora", directory, "standard").model
    with pytest.raises(CaseError, match=r"^--full-model .*README\.md: a file; expected the directory"):
        find_candidate(case, "full", directory / "README.md")
    without = case.model_copy(update={"models": {"standard": case.models["standard"]}})
    with pytest.raises(CaseError, match="0 models with strategy 'lora'; say which"):
        find_candidate(without, "lora", directory)
    assert "standard" == find_candidate(without, "lora", directory, "standard").model


def test_it_may_stand_for_a_model_that_the_case_names_by_its_directory(tiny_inputs, directory):
    """Where that model is not here, as on the machine of a gate run, only its name says which it is."""
    named = directory.with_name("named")
    named.mkdir()
    (named / "adapter_config.json").touch()
    models = {name: DirectorySpec(path=str(named.with_name(name))) for name in ("named", "gone")}
    case = tiny_inputs.case.model_copy(update={"models": models})
    assert "named" == find_candidate(case, "lora", directory).model
    assert "gone" == find_candidate(case, "full", directory, "gone").model
    with pytest.raises(CaseError, match="0 models with strategy 'full'; say which"):
        find_candidate(case, "full", directory)


def test_a_model_that_the_case_names_is_what_its_files_say(tiny_inputs, directory):
    spec = DirectorySpec(path=str(directory))
    with pytest.raises(CaseError, match=r"models\.m\.path: .*model: no model in it \(found: 1_Pooling, README\.md\)"):
        named_candidate(tiny_inputs.case, "m", spec)
    for file, strategy, of_base in (("modules.json", "full", False), ("adapter_config.json", "lora", True)):
        (directory / file).touch()
        found = named_candidate(tiny_inputs.case, "m", spec)
        assert (strategy, of_base, False) == (found.strategy, found.of_base, found.recorded)
    (directory / "training.json").touch()
    assert named_candidate(tiny_inputs.case, "m", spec).recorded
    assert find_candidate(tiny_inputs.case, "full", directory).of_base


def test_the_sha256_is_over_the_names_and_contents_of_all_files(tiny_inputs, directory):
    contents = {"1_Pooling/config.json": b"{}", "README.md": b"words"}
    files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    expected = hashlib.sha256(json.dumps(files, separators=(",", ":")).encode()).hexdigest()
    found = find_candidate(tiny_inputs.case, "lora", directory)
    assert expected == found.sha256
    moved = find_candidate(tiny_inputs.case, "lora", directory.rename(directory.with_name("moved")))
    assert expected == moved.sha256
    assert found.digest != moved.digest  # what is found out names the place
    (moved.path / ".hidden").touch()
    assert expected != find_candidate(tiny_inputs.case, "lora", moved.path).sha256
