"""A directory that could run code, or that is not what the option says, is refused before anything in it is opened.

The faults that were seen somewhere are in `tests/faults`, and go through the gate.
"""

import json

import numpy as np
import pytest

from harness.models import ADAPTER, ADAPTER_CONFIG, MODULES
from harness.models.files import PICKLES
from harness.verification import check_files

QUERY = "base_model.model.encoder.layer.0.attention.self.query"


def refused(candidate):
    result = check_files(candidate)
    assert "fail" == result.outcome
    assert result.message.startswith(f"{candidate.path}: ")
    return result.message.removeprefix(f"{candidate.path}: ")


@pytest.mark.parametrize("ending", sorted(PICKLES))
def test_a_pickle_is_refused_wherever_it_lies(make_candidate, ending):
    candidate = make_candidate("full")
    (candidate.path / "1_Pooling" / f"some{ending}").write_bytes(b"\x80\x02}q\x00.")
    assert refused(candidate).startswith(f"1_Pooling/some{ending}: a pickle can run any code")


def test_a_request_for_code_is_refused_in_every_file_at_any_depth(make_candidate):
    candidate = make_candidate("lora")
    file = candidate.path / "1_Pooling" / "other.json"
    for content in ({"auto_map": None}, {"trust_remote_code": False}, ["auto_map"], {"a": "auto_map"}):
        file.write_text(json.dumps(content), encoding="utf-8")
        assert "pass" == check_files(candidate).outcome
    for content in ({"a": [{"b": {"auto_map": {"AutoModel": "modeling.Model"}}}]}, {"trust_remote_code": 1}):
        file.write_text(json.dumps(content), encoding="utf-8")
        assert refused(candidate).startswith("1_Pooling/other.json: asks for code that comes with the model")


def test_a_module_from_elsewhere_is_refused(make_candidate):
    candidate = make_candidate("full")
    modules = json.loads((candidate.path / MODULES).read_text(encoding="utf-8"))
    for kind in ("sentence_transformers_evil.Model", "", None):
        modules[1]["type"] = kind
        (candidate.path / MODULES).write_text(json.dumps(modules), encoding="utf-8")
        assert f"{MODULES}: modules from elsewhere than sentence-transformers: {kind}; " in refused(candidate)


def test_everything_that_is_wrong_is_listed(make_candidate, edit_json):
    candidate = make_candidate("lora")
    (candidate.path / "old.bin").touch()
    (candidate.path / "1_Pooling" / "config.json").write_bytes(b"\xff")
    edit_json(candidate.path / ADAPTER_CONFIG, r=0, lora_alpha=-1, auto_map={"a": 1})
    said = refused(candidate)
    for part in (
        "old.bin: a pickle",
        "1_Pooling/config.json: not UTF-8",
        "asks for code",
        "rank r is 0",
        "lora_alpha is -1",
    ):
        assert part in said


# What the configuration says -> the words that refuse it by its key; none where it can be verified.
CONFIGURATIONS = {
    "gaussian": ({"init_lora_weights": "gaussian"}, ""),
    "old": ({"init_lora_weights": None, "use_rslora": None, "bias": None}, ""),
    "off": ({"use_qalora": False, "layer_replication": [], "a_later_option": None, "another": {}}, ""),
    "by-auto-model": ({"auto_mapping": {"parent_library": "transformers.models"}}, ""),
    "several": ({"use_qalora": True, "layer_replication": [[0, 1]]}, "layer_replication, use_qalora: changes the mod"),
    "bias": ({"bias": "some"}, "bias is 'some'; expected none, all or lora_only"),
    "rank-true": ({"r": True}, "rank r is True; expected a whole number from 1"),
    "alpha-text": ({"lora_alpha": "8"}, "alpha lora_alpha is '8'; expected a number above 0"),
    "alpha-pattern": ({"alpha_pattern": {"q": -1}}, "alpha alpha_pattern.q is -1; expected a number above 0"),
    "no-targets": ({"target_modules": []}, "target_modules is []; expected a list of names, or a regular expres"),
    "targets": ({"target_modules": "("}, "target_modules: '(' is no regular expression: "),
    "excluded": ({"exclude_modules": "*"}, "exclude_modules: '*' is no regular expression: "),
    "pattern": ({"rank_pattern": {"(": 2}}, "rank_pattern: '(' is no regular expression: "),
    "tokens": ({"trainable_token_indices": {"word_embeddings": [3, 5]}}, ""),
    "tokens-before-0": (
        {"trainable_token_indices": {"word_embeddings": [-1]}},
        "trainable_token_indices: expected lists",
    ),
    "tokens-twice": ({"trainable_token_indices": [5, 5]}, "trainable_token_indices: expected lists of whole numbers"),
    "tokens-text": ({"trainable_token_indices": "5"}, "trainable_token_indices: expected lists of whole numbers"),
    "type-list": ({"peft_type": ["LORA"]}, "peft_type is ['LORA']; expected one of LORA, "),
    "another-type": ({"peft_type": "LOHA", "alpha": 8, "init_weights": True}, ""),
    "imports": ({"peft_type": "LOHA", "alpha": 8, "megatron_config": {"a": 1}}, "megatron_config: imports the module"),
    "no-type": ({"peft_type": None}, "cannot be read (it holds "),
}


@pytest.mark.parametrize(("config", "said"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_configuration_that_cannot_be_verified_is_refused_by_its_key(make_candidate, edit_json, config, said):
    candidate = make_candidate("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, **config)
    if said:
        assert refused(candidate).removeprefix(f"{candidate.path}/").startswith(f"{ADAPTER_CONFIG}: {said}")
    else:
        assert "pass" == check_files(candidate).outcome


TENSORS = {
    "magnitude": ("lora_magnitude_vector.weight", (2,), ""),
    "bias-of-b": ("lora_B.bias", (2,), ""),
    "variant": ("lora_variant.weight", (2, 2), "not LoRA on a linear layer or an embedding"),
    "vector": ("lora_A.weight", (4,), "not a matrix"),
    "vector-of-an-embedding": ("lora_embedding_A", (4,), "not a matrix"),
}


@pytest.mark.parametrize(("name", "shape", "said"), TENSORS.values(), ids=TENSORS)
def test_tensors_that_cannot_be_verified_are_refused_by_name(make_candidate, edit_tensors, name, shape, said):
    candidate = make_candidate("lora")
    edit_tensors(candidate.path / ADAPTER, lambda t: t.update({f"{QUERY}.{name}": np.ones(shape, np.float32)}))
    if said:
        assert refused(candidate).startswith(f"{ADAPTER}: {QUERY}.{name}: {said}")
    else:
        assert "pass" == check_files(candidate).outcome
