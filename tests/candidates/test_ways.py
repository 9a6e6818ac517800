"""Whichever way a candidate is opened, it is the same model; made up or left out weights show as what they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness import gates
from harness.candidates import WAYS, enter, find_candidate
from harness.checkpoints import ADAPTER, ADAPTER_CONFIG, WEIGHTS, read_record
from harness.encoding import read_arrays, row_cosines
from harness.examination import examine
from harness.store import Store
from harness.workplace import Workplace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.candidates import Candidate
    from harness.gates import Verdict

BOTH = pytest.mark.parametrize("strategy", ["lora", "full"])
DIRECTORY = "SentenceTransformer(DIR)"
QUERY = "encoder.layer.0.attention.self.query.weight"


@pytest.fixture
def open_in_every_way(tiny_inputs: Any, tmp_path: Path) -> Callable[..., tuple[dict[str, Any], dict[str, Any]]]:
    """What `enter` returns, and way -> embeddings."""

    def entered(candidate: Candidate, *, seed: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
        out = tmp_path / f"{seed}.safetensors"
        return enter(candidate, tiny_inputs.base, seed, out, lambda *_: None), read_arrays(out)

    return entered


@pytest.fixture
def judged(tiny_run: Any, open_in_every_way: Any) -> Callable[[Candidate], Verdict]:
    """The verdict on a candidate that was entered twice, with one seed and another."""

    def judge(candidate: Candidate) -> Verdict:
        (content, first), (_, second) = (open_in_every_way(candidate, seed=seed) for seed in (1, 2))
        found = {way: (first[way], second[way]) for way in first}
        return gates.ways_agree(candidate.model, found, content["errors"], tiny_run.model("base").arrays["probes"])

    return judge


@BOTH
def test_every_way_leads_to_the_model_that_was_trained(
    arrived: Callable[..., Candidate], open_in_every_way: Any, strategy: str
) -> None:
    candidate = arrived(strategy)
    content, embeddings = open_in_every_way(candidate)
    assert ({}, set(WAYS[strategy]), set(WAYS[strategy])) == (
        content["errors"],
        set(embeddings),
        set(content["settings"]),
    )
    record = read_record(candidate.path)
    assert record is not None
    assert record.probes is not None
    for way, found in embeddings.items():
        np.testing.assert_allclose(record.probes, found, atol=1e-5, err_msg=way)
    assert 1 == len({json.dumps(settings, sort_keys=True) for settings in content["settings"].values()})


@BOTH
def test_a_good_candidate_passes(
    arrived: Callable[..., Candidate], judged: Callable[[Candidate], Verdict], strategy: str
) -> None:
    verdict = judged(arrived(strategy))
    expected = f"{verdict.model} ways: {len(WAYS[strategy])} ways, twice each, give the same embeddings"
    assert ("pass", expected) == (verdict.verdict, verdict.message)


@BOTH
def test_a_candidate_is_left_as_it_was(
    arrived: Callable[..., Candidate], open_in_every_way: Any, tiny_inputs: Any, strategy: Any
) -> None:
    candidate = arrived(strategy)
    open_in_every_way(candidate)
    assert candidate == find_candidate(tiny_inputs.case, strategy, candidate.path)


def test_an_adapter_alone_is_opened_in_every_way_but_as_a_directory(
    arrived: Callable[..., Candidate], open_in_every_way: Any
) -> None:
    candidate = arrived("lora")
    for file in [file for file in candidate.path.rglob("*") if file.is_file()]:
        if file.name not in (ADAPTER, ADAPTER_CONFIG):
            file.unlink()
    content, embeddings = open_in_every_way(candidate)
    assert ({}, set(WAYS["lora"]) - {DIRECTORY}) == (content["errors"], set(embeddings))


@pytest.mark.parametrize("name", ["/no/such/base", "someone/no-such-model", ""])
def test_the_base_that_an_adapter_names_need_not_be_on_this_machine(
    arrived: Callable[..., Candidate], judged: Any, edit_json: Callable[..., None], name: str
) -> None:
    candidate = arrived("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, base_model_name_or_path=name, revision="main")
    assert "pass" == judged(candidate).verdict


# --- faults -----------------------------------------------------------------------------------------------------------


def without_the_adapter(_candidate: Candidate, base: Any, _scratch: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(base.path), local_files_only=True)


@pytest.mark.parametrize("way", WAYS["lora"])
def test_a_way_that_ignores_the_adapter_shows_as_such(
    arrived: Callable[..., Candidate], judged: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setitem(WAYS["lora"], way, without_the_adapter)  # type: ignore[arg-type]
    verdict = judged(arrived("lora"))
    assert "fail" == verdict.verdict
    assert verdict.message.startswith(f"lora ways: {way} gives other embeddings than ")
    assert verdict.message.endswith(": they are the base's: the adapter is not applied")


def with_another_length(candidate: Candidate, base: Any, scratch: Path) -> Any:
    model = WAYS["lora"]["PeftModel.from_pretrained"](candidate, base, scratch)
    model.max_seq_length = 4
    return model


def test_a_way_with_other_settings_shows_as_such(
    arrived: Callable[..., Candidate],
    judged: Any,
    open_in_every_way: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(WAYS["lora"], "SentenceTransformer.load_adapter", with_another_length)  # type: ignore[arg-type]
    candidate = arrived("lora")
    verdict = judged(candidate)
    assert verdict.message.startswith("lora ways: SentenceTransformer.load_adapter gives other embeddings than ")
    assert verdict.message.endswith(": it has other weights or settings there (pooling, tokenizer, length)")
    settings = open_in_every_way(candidate)[0]["settings"]
    assert [4] == [found["maximum length"] for found in settings.values() if found["maximum length"] != 48]


def refusing(_candidate: Candidate, _base: Any, _scratch: Path) -> Any:
    raise ValueError("not today")


def test_a_way_that_fails_is_told_and_the_others_are_still_tried(
    arrived: Callable[..., Candidate], open_in_every_way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WAYS["lora"], "PeftModel.from_pretrained", refusing)  # type: ignore[arg-type]
    content, embeddings = open_in_every_way(arrived("lora"))
    assert {"PeftModel.from_pretrained": "ValueError: not today"} == content["errors"]
    assert set(WAYS["lora"]) - {"PeftModel.from_pretrained"} == set(embeddings) == set(content["settings"])


def test_the_directory_of_another_pooling_shows_as_such(
    arrived: Callable[..., Candidate], judged: Any, edit_json: Callable[..., None]
) -> None:
    candidate = arrived("lora")
    edit_json(candidate.path / "1_Pooling" / "config.json", pooling_mode="cls")
    verdict = judged(candidate)
    assert "fail" == verdict.verdict
    assert verdict.message.startswith(f"lora ways: {DIRECTORY} gives other embeddings than PeftModel.from_pretrained")
    assert verdict.message.endswith(": it has other weights or settings there (pooling, tokenizer, length)")


# --- weights that are made up at random -------------------------------------------------------------------------------


@pytest.fixture
def with_holes(arrived: Callable[..., Candidate], tiny_inputs: Any, tiny_base_path: Path) -> Candidate:
    """A model that was saved while wrapped by PEFT: transformers makes up its attention, and only logs it."""
    from peft import LoraConfig, get_peft_model
    from transformers import BertModel

    path = arrived("full", recorded=False).path
    wrapped = get_peft_model(BertModel.from_pretrained(tiny_base_path), LoraConfig(target_modules=["query", "value"]))
    state = {name.removeprefix("base_model.model."): tensor.numpy() for name, tensor in wrapped.state_dict().items()}
    save_file(state, path / WEIGHTS, metadata={"format": "pt"})
    return find_candidate(tiny_inputs.case, "full", path)


def least(pair: tuple[NDArray[np.float32], NDArray[np.float32]]) -> float:
    return float(row_cosines(*pair).min())


def test_weights_that_are_made_up_show_as_such(with_holes: Candidate, judged: Any) -> None:
    verdict = judged(with_holes)
    assert "fail" == verdict.verdict
    for way in WAYS["full"]:
        assert f"{way} gives other embeddings at each load (least cosine " in verdict.message
    assert verdict.message.endswith(": weights that its file does not hold are made up at random")


def test_what_is_made_up_hangs_on_the_seed_alone(with_holes: Candidate, open_in_every_way: Any) -> None:
    first, again, second = (open_in_every_way(with_holes, seed=seed)[1][DIRECTORY] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert least((first, second)) < 0.99


def test_two_processes_do_not_make_up_the_same_weights(with_holes: Candidate, tiny_inputs: Any, tmp_path: Path) -> None:
    """A forkserver's children inherit one state of the generator: without a seed each, they would agree by chance."""
    work = Workplace(Store(tmp_path / "store"), lambda *_: None)
    examination = examine(work, "examine", with_holes, tiny_inputs.base)
    assert {DIRECTORY: False, "saved and opened again": False} == {
        way: least(pair) > 0.999 for way, pair in examination.embeddings.items()
    }
    assert "fail" == examination.findings["whole"].outcome


def test_an_examination_is_made_once_and_comes_back_as_it_was(
    arrived: Callable[..., Candidate], tiny_inputs: Any, tmp_path: Path
) -> None:
    said: list[str] = []
    work = Workplace(Store(tmp_path / "store"), lambda title, *_: said.append(title))
    candidate = arrived("lora")
    first = examine(work, "examine", candidate, tiny_inputs.base)
    assert {"examine", "examine, opening 1", "examine, opening 2"} == set(said)
    said.clear()
    again = examine(work, "examine", candidate, tiny_inputs.base)
    assert [] == said
    assert (first.findings, first.settings, first.errors) == (again.findings, again.settings, again.errors)
    assert {"files", "base", "whole", "weights"} == set(first.findings)
    assert {"pass"} == {finding.outcome for finding in first.findings.values()}
    for way, pair in first.embeddings.items():
        np.testing.assert_array_equal(pair, again.embeddings[way])
        assert least(pair) > 0.999999


def test_files_that_are_refused_are_not_opened(
    arrived: Callable[..., Candidate], tiny_inputs: Any, tmp_path: Path
) -> None:
    candidate = arrived("lora")
    (candidate.path / "old.bin").touch()
    work = Workplace(Store(tmp_path / "store"), lambda *_: pytest.fail("a stage was started"))
    examination = examine(work, "examine", candidate, tiny_inputs.base)
    assert (["files"], {}, {}, {}) == (
        list(examination.findings),
        examination.settings,
        examination.errors,
        examination.embeddings,
    )
    assert not (tmp_path / "store").exists()
