"""A directory that could run code, or that is not what the option says, is refused before anything in it is opened.

The faults that were seen somewhere are in `tests/faults`, and go through the gate.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.models import ADAPTER, ADAPTER_CONFIG, MODULES
from harness.models.files import PICKLES
from harness.verification import Candidate, check_files

QUERY = "base_model.model.encoder.layer.0.attention.self.query"


def refused(candidate: Candidate) -> str:
    result = check_files(candidate)
    assert "fail" == result.outcome
    assert result.message.startswith(f"{candidate.path}: ")
    return result.message.removeprefix(f"{candidate.path}: ")


@pytest.mark.parametrize("ending", sorted(PICKLES))
def test_a_pickle_is_refused_wherever_it_lies(make_candidate: Callable[..., Candidate], ending: str) -> None:
    candidate = make_candidate("full")
    (candidate.path / "1_Pooling" / f"some{ending}").write_bytes(b"\x80\x02}q\x00.")
    said = f"1_Pooling/some{ending}: a pickle can run any code when it is opened; only safetensors ship"
    assert said == refused(candidate)


CODE = {
    "1_Pooling/config.json": {"a": [{"b": {"auto_map": {"AutoModel": "modeling.Model"}}}]},
    "other.json": {"model_args": {"trust_remote_code": 1}},
}


@pytest.mark.parametrize(("name", "content"), CODE.items(), ids=CODE)
def test_a_request_for_code_is_refused_in_every_file_at_any_depth(
    make_candidate: Callable[..., Candidate], name: str, content: dict[str, Any]
) -> None:
    candidate = make_candidate("lora")
    (candidate.path / name).write_text(json.dumps(content), encoding="utf-8")
    said = f"{name}: asks for code that comes with the model (auto_map, trust_remote_code); none is run"
    assert said == refused(candidate)


@pytest.mark.parametrize("content", [{"auto_map": None}, {"trust_remote_code": False}, ["auto_map"], {"a": "auto_map"}])
def test_a_file_that_asks_for_no_code_passes(make_candidate: Callable[..., Candidate], content: Any) -> None:
    candidate = make_candidate("lora")
    (candidate.path / "other.json").write_text(json.dumps(content), encoding="utf-8")
    assert "pass" == check_files(candidate).outcome


@pytest.mark.parametrize("kind", ["sentence_transformers_evil.Model", "", None])
def test_a_module_from_elsewhere_is_refused(make_candidate: Callable[..., Candidate], kind: Any) -> None:
    candidate = make_candidate("full")
    modules = json.loads((candidate.path / MODULES).read_text(encoding="utf-8"))
    modules[1]["type"] = kind
    (candidate.path / MODULES).write_text(json.dumps(modules), encoding="utf-8")
    expected = f"{MODULES}: modules from elsewhere than sentence-transformers: {kind}; no such code is run"
    assert expected == refused(candidate)


def test_everything_that_is_wrong_is_listed(make_candidate: Callable[..., Candidate], edit_json: Any) -> None:
    candidate = make_candidate("lora")
    (candidate.path / "old.bin").touch()
    (candidate.path / "1_Pooling" / "config.json").write_bytes(b"\xff")
    edit_json(candidate.path / ADAPTER_CONFIG, r=0, lora_alpha=-1, auto_map={"a": 1})
    said = refused(candidate)
    for part in ("old.bin: a pickle", "cannot be read as JSON: ", "asks for code", "rank r is 0", "lora_alpha is -1"):
        assert part in said


VERIFIABLE: dict[str, dict[str, Any]] = {
    "gaussian": {"init_lora_weights": "gaussian"},
    "no-init": {"init_lora_weights": False},
    "old": {"init_lora_weights": None, "use_rslora": None, "bias": None},
    "off": {"use_qalora": False, "layer_replication": [], "a_later_option": None, "another": {}},
    "saved-by-auto-model": {"auto_mapping": {"base_model_class": "BertModel", "parent_library": "transformers.models"}},
}


@pytest.mark.parametrize("config", VERIFIABLE.values(), ids=VERIFIABLE)
def test_a_configuration_that_can_be_verified_passes(
    make_candidate: Callable[..., Candidate], edit_json: Callable[..., None], config: dict[str, Any]
) -> None:
    candidate = make_candidate("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, **config)
    assert "pass" == check_files(candidate).outcome


UNVERIFIABLE: dict[str, tuple[dict[str, Any], str]] = {
    "several": ({"use_qalora": True, "layer_replication": [[0, 1]]}, "layer_replication, use_qalora: changes the mod"),
    "bias": ({"bias": "some"}, "bias is 'some'; expected none, all or lora_only"),
    "rank-true": ({"r": True}, "rank r is True; expected a whole number from 1"),
    "rank-half": ({"r": 4.5}, "rank r is 4.5; expected a whole number from 1"),
    "alpha-text": ({"lora_alpha": "8"}, "alpha lora_alpha is '8'; expected a number above 0"),
    "alpha-pattern": ({"alpha_pattern": {"q": -1}}, "alpha alpha_pattern.q is -1; expected a number above 0"),
    "no-targets": ({"target_modules": []}, "target_modules is []; expected a list of names, or a regular expres"),
    "targets": ({"target_modules": "("}, "target_modules: '(' is no regular expression: "),
    "excluded": ({"exclude_modules": "*"}, "exclude_modules: '*' is no regular expression: "),
    "pattern": ({"rank_pattern": {"(": 2}}, "rank_pattern: '(' is no regular expression: "),
}


@pytest.mark.parametrize(("config", "said"), UNVERIFIABLE.values(), ids=UNVERIFIABLE)
def test_a_configuration_that_cannot_be_verified_is_refused_by_its_key(
    make_candidate: Callable[..., Candidate], edit_json: Callable[..., None], config: dict[str, Any], said: str
) -> None:
    candidate = make_candidate("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, **config)
    assert refused(candidate).startswith(f"{ADAPTER_CONFIG}: {said}")


@pytest.mark.parametrize("key", ["peft_type", "target_modules"])
def test_a_configuration_without_a_key_is_refused(
    make_candidate: Callable[..., Candidate], edit_json: Callable[..., None], key: str
) -> None:
    candidate = make_candidate("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, **{key: None})
    assert refused(candidate).startswith(f"{candidate.path / ADAPTER_CONFIG}: cannot be read (it holds ")


FOREIGN = "not a LoRA matrix of a linear layer; what it does cannot be verified here"
NO_MATRIX = "not a matrix; only LoRA on linear layers can be verified here"
TENSORS: dict[str, tuple[str, tuple[int, ...], str]] = {
    "magnitude": (f"{QUERY}.lora_magnitude_vector.weight", (2,), ""),
    "bias-of-b": (f"{QUERY}.lora_B.bias", (2, 2), FOREIGN),
    "variant": (f"{QUERY}.lora_variant.weight", (2, 2), FOREIGN),
    "other-adapter": (f"{QUERY}.lora_A.other.weight", (2, 2), FOREIGN),
    "vector": (f"{QUERY}.lora_A.weight", (4,), NO_MATRIX),
}


@pytest.mark.parametrize(("name", "shape", "said"), TENSORS.values(), ids=TENSORS)
def test_tensors_that_cannot_be_verified_are_refused_by_name(
    make_candidate: Callable[..., Candidate], edit_tensors: Any, name: str, shape: tuple[int, ...], said: str
) -> None:
    candidate = make_candidate("lora")
    edit_tensors(candidate.path / ADAPTER, lambda t: t.update({name: np.ones(shape, np.float32)}))
    if said:
        assert f"{ADAPTER}: {name}: {said}" == refused(candidate)
    else:
        assert "pass" == check_files(candidate).outcome
