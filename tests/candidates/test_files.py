"""A directory that could run code, or that is not what the option says, is refused before anything in it is opened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness.candidates import prove_files
from harness.checkpoints import ADAPTER, ADAPTER_CONFIG, MODULES, PICKLES, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.candidates import Candidate

BOTH = pytest.mark.parametrize("strategy", ["lora", "full"])


def refused(candidate: Candidate) -> str:
    finding = prove_files(candidate)
    assert "fail" == finding.outcome
    assert finding.message.startswith(f"{candidate.path}: ")
    return finding.message.removeprefix(f"{candidate.path}: ")


@BOTH
def test_a_model_of_a_training_passes(arrived: Callable[..., Candidate], strategy: str) -> None:
    assert ("pass", "safetensors and JSON only, in the format that was expected") == prove_files(arrived(strategy))


def test_an_adapter_alone_passes(arrived: Callable[..., Candidate]) -> None:
    candidate = arrived("lora")
    for file in [file for file in candidate.path.rglob("*") if file.is_file()]:
        if file.name not in (ADAPTER, ADAPTER_CONFIG):
            file.unlink()
    assert "pass" == prove_files(candidate).outcome


# --- code -------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("ending", sorted(PICKLES))
@pytest.mark.parametrize("where", ["", "1_Pooling"])
def test_a_pickle_is_refused_wherever_it_lies_and_is_never_opened(
    arrived: Callable[..., Candidate], monkeypatch: pytest.MonkeyPatch, strategy: str, ending: str, where: str
) -> None:
    import pickle

    import torch

    for module, name in ((torch, "load"), (pickle, "load"), (pickle, "loads")):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("opened"))
    candidate = arrived(strategy)
    (candidate.path / where / f"some{ending}").write_bytes(b"\x80\x02}q\x00.")
    name = f"{where}/some{ending}" if where else f"some{ending}"
    assert f"{name}: a pickle can run any code when it is opened; only safetensors ship" == refused(candidate)


CODE = {
    "auto_map": {"auto_map": {"AutoModel": "modeling.Model"}},
    "trust": {"trust_remote_code": True},
    "deep": {"a": [{"b": {"auto_map": {"AutoModel": "modeling.Model"}}}]},
    "deep-trust": {"model_args": {"trust_remote_code": 1}},
}


@BOTH
@pytest.mark.parametrize("content", CODE.values(), ids=CODE)
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "1_Pooling/config.json", "other.json"])
def test_a_request_for_code_is_refused_in_every_file(
    arrived: Callable[..., Candidate], strategy: str, content: dict[str, Any], name: str
) -> None:
    candidate = arrived(strategy)
    (candidate.path / name).write_text(json.dumps(content), encoding="utf-8")
    said = f"{name}: asks for code that comes with the model (auto_map, trust_remote_code); none is run"
    assert said == refused(candidate)


@pytest.mark.parametrize("content", [{"auto_map": None}, {"trust_remote_code": False}, ["auto_map"], {"a": "auto_map"}])
def test_a_file_that_asks_for_no_code_passes(arrived: Callable[..., Candidate], content: Any) -> None:
    candidate = arrived("lora")
    (candidate.path / "other.json").write_text(json.dumps(content), encoding="utf-8")
    assert "pass" == prove_files(candidate).outcome


@BOTH
@pytest.mark.parametrize("kind", ["modeling_x.Model", "os.system", "sentence_transformers_evil.Model", "", None])
def test_a_module_from_elsewhere_is_refused(arrived: Callable[..., Candidate], strategy: str, kind: Any) -> None:
    candidate = arrived(strategy)
    modules = json.loads((candidate.path / MODULES).read_text(encoding="utf-8"))
    modules[1]["type"] = kind
    (candidate.path / MODULES).write_text(json.dumps(modules), encoding="utf-8")
    expected = f"{MODULES}: modules from elsewhere than sentence-transformers: {kind}; no such code is run"
    assert expected == refused(candidate)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"{'a': 1}"], ids=["empty", "half", "not-utf-8", "quotes"])
def test_a_file_that_is_no_json_is_refused(arrived: Callable[..., Candidate], content: bytes) -> None:
    candidate = arrived("full")
    (candidate.path / "1_Pooling" / "config.json").write_bytes(content)
    assert refused(candidate).startswith("1_Pooling/config.json: cannot be read as JSON: ")


def test_everything_that_is_wrong_is_listed(arrived: Callable[..., Candidate], edit_json: Callable[..., None]) -> None:
    candidate = arrived("lora")
    (candidate.path / "old.bin").touch()
    edit_json(candidate.path / ADAPTER_CONFIG, r=0, lora_alpha=-1, auto_map={"a": 1})
    said = refused(candidate)
    for part in ("old.bin: a pickle", "asks for code", "rank r is 0", "alpha lora_alpha is -1"):
        assert part in said


# --- not what the option says -----------------------------------------------------------------------------------------


def test_a_whole_model_is_no_adapter(arrived: Callable[..., Candidate], tiny_base_path: Path) -> None:
    candidate = arrived("lora")
    (candidate.path / WEIGHTS).write_bytes((tiny_base_path / WEIGHTS).read_bytes())
    assert f"{WEIGHTS}: a whole model, not an adapter alone; gate it with --full-model" == refused(candidate)


def test_an_adapter_is_no_whole_model(arrived: Callable[..., Candidate]) -> None:
    candidate = arrived("full")
    (candidate.path / ADAPTER_CONFIG).write_text("{}", encoding="utf-8")
    assert f"{ADAPTER_CONFIG}: an adapter, not a whole model; gate it with --adapter" == refused(candidate)


@pytest.mark.parametrize(
    ("strategy", "names", "expected"),
    [
        ("lora", [ADAPTER], "a PEFT adapter"),
        ("lora", [ADAPTER_CONFIG], "a PEFT adapter"),
        ("lora", [ADAPTER_CONFIG, ADAPTER], "a PEFT adapter"),
        ("full", [WEIGHTS], "a sentence-transformers model"),
        ("full", [MODULES], "a sentence-transformers model"),
    ],
)
def test_a_file_that_is_missing_is_named_with_what_is_there(
    arrived: Callable[..., Candidate], strategy: str, names: list[str], expected: str
) -> None:
    candidate = arrived(strategy)
    for name in names:
        (candidate.path / name).unlink()
    said = refused(candidate)
    assert said.startswith(f"no {' and no '.join(names)} in it (found: 1_Pooling, 2_Normalize, ")
    assert said.endswith(f"); expected {expected}")


def test_an_empty_directory_is_refused(arrived: Callable[..., Candidate]) -> None:
    candidate = arrived("lora")
    for file in [file for file in candidate.path.rglob("*") if file.is_file()]:
        file.unlink()
    for directory in list(candidate.path.glob("*")):
        directory.rmdir()
    assert f"no {ADAPTER_CONFIG} and no {ADAPTER} in it (found: nothing); expected a PEFT adapter" == refused(candidate)


@pytest.mark.parametrize(("strategy", "name"), [("lora", ADAPTER), ("full", WEIGHTS)])
@pytest.mark.parametrize("content", [b"", b"garbage" * 20, b"\x80\x02}q\x00." * 9], ids=["empty", "text", "pickle"])
def test_a_file_that_is_no_safetensors_is_refused(
    arrived: Callable[..., Candidate], strategy: str, name: str, content: bytes
) -> None:
    candidate = arrived(strategy)
    (candidate.path / name).write_bytes(content)
    assert refused(candidate).startswith(f"{candidate.path / name}: cannot be read as safetensors: ")


# --- an adapter's configuration ---------------------------------------------------------------------------------------

VERIFIABLE = {
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "bias": {"bias": "lora_only"},
    "patterns": {"rank_pattern": {"query": 2}, "alpha_pattern": {"value": 0.5}},
    "whole-modules": {"modules_to_save": ["pooler"]},
    "gaussian": {"init_lora_weights": "gaussian"},
    "no-init": {"init_lora_weights": False},
    "old": {"init_lora_weights": None, "use_rslora": None, "bias": None},
    "off": {"use_qalora": False, "layer_replication": [], "a_later_option": None, "another": {}},
    "saved-by-auto-model": {"auto_mapping": {"base_model_class": "BertModel", "parent_library": "transformers.models"}},
}


@pytest.mark.parametrize("config", VERIFIABLE.values(), ids=VERIFIABLE)
def test_a_configuration_that_can_be_verified_passes(
    arrived: Callable[..., Candidate], edit_json: Callable[..., None], config: dict[str, Any]
) -> None:
    candidate = arrived("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, **config)
    assert "pass" == prove_files(candidate).outcome


UNVERIFIABLE = {
    "other-method": ({"peft_type": "IA3"}, "peft_type is 'IA3'; only LORA can be verified here"),
    "later-option": ({"a_later_option": 1}, "a_later_option: changes the model in a way that cannot be verified here"),
    "several": ({"use_qalora": True, "layer_replication": [[0, 1]]}, "layer_replication, use_qalora: changes the mod"),
    "pissa": ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights is 'pissa_niter_4', which also changes the b"),
    "olora": ({"init_lora_weights": "olora"}, "init_lora_weights is 'olora', which also changes the base"),
    "bias": ({"bias": "some"}, "bias is 'some'; expected none, all or lora_only"),
    "rank": ({"r": 0}, "rank r is 0; expected a whole number from 1"),
    "rank-true": ({"r": True}, "rank r is True; expected a whole number from 1"),
    "rank-half": ({"r": 4.5}, "rank r is 4.5; expected a whole number from 1"),
    "rank-text": ({"r": "4"}, "rank r is '4'; expected a whole number from 1"),
    "rank-pattern": ({"rank_pattern": {"query": -2}}, "rank rank_pattern.query is -2; expected a whole number from 1"),
    "alpha": ({"lora_alpha": 0}, "alpha lora_alpha is 0; expected a number above 0: the update is scaled by alpha"),
    "alpha-text": ({"lora_alpha": "8"}, "alpha lora_alpha is '8'; expected a number above 0"),
    "alpha-pattern": ({"alpha_pattern": {"q": -1}}, "alpha alpha_pattern.q is -1; expected a number above 0"),
    "no-targets": ({"target_modules": []}, "target_modules is []; expected a list of names, or a regular expres"),
    "targets": ({"target_modules": "("}, "target_modules: '(' is no regular expression: "),
    "excluded": ({"exclude_modules": "*"}, "exclude_modules: '*' is no regular expression: "),
    "pattern": ({"rank_pattern": {"(": 2}}, "rank_pattern: '(' is no regular expression: "),
    "library": (
        {"auto_mapping": {"base_model_class": "system", "parent_library": "os"}},
        "auto_mapping.parent_library is 'os'; expected a module of transformers",
    ),
}


@pytest.mark.parametrize(("config", "said"), UNVERIFIABLE.values(), ids=UNVERIFIABLE)
def test_a_configuration_that_cannot_be_verified_is_refused_by_its_key(
    arrived: Callable[..., Candidate], edit_json: Callable[..., None], config: dict[str, Any], said: str
) -> None:
    candidate = arrived("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, **config)
    assert refused(candidate).startswith(f"{ADAPTER_CONFIG}: {said}")


@pytest.mark.parametrize("key", ["peft_type", "r", "lora_alpha", "target_modules"])
def test_a_configuration_without_a_key_is_refused(
    arrived: Callable[..., Candidate], edit_json: Callable[..., None], key: str
) -> None:
    candidate = arrived("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, **{key: None})
    assert refused(candidate).startswith(f"{candidate.path / ADAPTER_CONFIG}: cannot be read (it holds ")


@pytest.mark.parametrize(
    "name",
    [
        "base_model.model.embeddings.word_embeddings.lora_embedding_A",
        "base_model.model.encoder.layer.0.attention.self.query.lora_B.bias",
        "base_model.model.encoder.layer.0.attention.self.query.lora_variant.weight",
        "base_model.model.embeddings.word_embeddings.token_adapter.trainable_tokens_delta",
        "base_model.model.encoder.layer.0.attention.self.query.lora_A.other.weight",
    ],
)
def test_a_tensor_of_another_method_is_refused_by_its_name(
    arrived: Callable[..., Candidate], edit_tensors: Callable[..., None], name: str
) -> None:
    candidate = arrived("lora")
    edit_tensors(candidate.path / ADAPTER, lambda t: t.update({name: np.ones((2, 2), np.float32)}))
    assert f"{ADAPTER}: {name}: not a LoRA matrix of a linear layer; what it does cannot be verified here" == refused(
        candidate
    )


@pytest.mark.parametrize(
    "name",
    [
        "base_model.model.pooler.dense.weight",
        "base_model.model.encoder.layer.0.attention.self.query.base_layer.bias",
        "base_model.model.encoder.layer.0.attention.self.query.lora_magnitude_vector",
        "base_model.model.encoder.layer.0.attention.self.query.lora_magnitude_vector.weight",
    ],
)
def test_tensors_that_can_be_verified_pass(
    arrived: Callable[..., Candidate], edit_tensors: Callable[..., None], name: str
) -> None:
    candidate = arrived("lora")
    edit_tensors(candidate.path / ADAPTER, lambda t: t.update({name: np.ones(2, np.float32)}))
    assert "pass" == prove_files(candidate).outcome


@pytest.mark.parametrize("shape", [(4,), (4, 8, 1), (4, 8, 3, 3)], ids=["vector", "conv1d", "conv2d"])
def test_what_is_no_matrix_is_refused(
    arrived: Callable[..., Candidate], edit_tensors: Callable[..., None], shape: tuple[int, ...]
) -> None:
    candidate = arrived("lora")
    name = "base_model.model.encoder.layer.0.attention.self.query.lora_A.weight"
    edit_tensors(candidate.path / ADAPTER, lambda t: t.update({name: np.ones(shape, np.float32)}))
    expected = f"{ADAPTER}: {name}: not a matrix; only LoRA on linear layers can be verified here"
    assert expected == refused(candidate)
