"""A directory that could run code, or that is not what the option says, is refused before anything in it is opened.

The faults that were seen somewhere are in `tests/faults`, and go through the gate.
"""

import json
import os

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
    "alpha-pattern": ({"alpha_pattern": {"query": -1}}, "alpha alpha_pattern.query is -1; expected a number above 0"),
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


ENDLESS = r"([a-z0-9_.]+)+!"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("target_modules", ENDLESS), ("exclude_modules", ENDLESS), ("layers_pattern", [ENDLESS])),
        *(("rank_pattern", {"query": 4, ENDLESS: 4}), ("alpha_pattern", {ENDLESS: 8})),
    ],
)
def test_a_pattern_that_does_not_end_is_refused_in_seconds(make_candidate, edit_json, monkeypatch, key, value):
    monkeypatch.setattr("harness.verification.patterns._SECONDS", 0.5)
    candidate = make_candidate("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, **{key: value})
    assert refused(candidate) == (
        f"{ADAPTER_CONFIG}: {key}: {ENDLESS!r}: still not matched with its layers after 0.5 s; simplify it"
    )


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"lora_alpha": 10**400}, "alpha lora_alpha is 1000"),
        ({"r": 10**400}, "rank r is 1000"),
        ({"peft_type": "VERA", "r": 10**9}, "rank r is 1000000000; expected at most 4096"),
        ({"rank_pattern": {"query": 10**30}}, "rank rank_pattern.query is 1000000000"),
        ({"rank_pattern": {"q" * 1_000_000: 4}}, "rank_pattern: qqq"),
        ({"target_modules": "(" * 5_000 + ")" * 5_000}, "target_modules: '((("),
        ({"target_modules": "q{99999999999}"}, "target_modules: 'q{99999999999}' is no regular expression"),
    ],
)
def test_what_no_machine_can_hold_is_refused_on_a_line(make_candidate, edit_json, config, said):
    candidate = make_candidate("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, **config)
    assert refused(candidate).startswith(f"{ADAPTER_CONFIG}: {said}")
    assert len(refused(candidate)) < 500


@pytest.mark.parametrize(
    ("kind", "name"), [("lora", "tokenizer.json"), ("lora", ADAPTER_CONFIG), ("full", "1_Pooling/any.txt")]
)
def test_a_pointer_of_git_lfs_is_named_wherever_it_lies(make_candidate, kind, name):
    candidate = make_candidate(kind)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789\nsize 9000\n"
    (candidate.path / name).write_text(pointer, encoding="utf-8")
    assert refused(candidate) == f"{name}: a Git LFS pointer, not the file; fetch the file with git lfs pull"


@pytest.mark.parametrize(
    "put",
    [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to(path)],
    ids=["pipe", "device", "loop"],
)
def test_only_regular_files_are_opened_or_copied(make_candidate, put):
    candidate = make_candidate("lora")
    put(candidate.path / "notes.txt")
    assert refused(candidate).startswith("notes.txt: no regular file")


def test_a_name_that_no_directory_can_have_is_refused(make_candidate):
    candidate = make_candidate("full")
    modules = json.loads((candidate.path / MODULES).read_text(encoding="utf-8"))
    for name, shown in {"1\0Pooling": "1<U+0000>Pooling", "p" * 300: "p" * 300, "\ud800": "<U+D800>"}.items():
        modules[1]["path"] = name
        (candidate.path / MODULES).write_text(json.dumps(modules), encoding="utf-8")
        assert refused(candidate) == f"{MODULES}: {shown}: no directory can have such a name"


@pytest.mark.parametrize(("kind", "name"), [("lora", ADAPTER_CONFIG), ("full", MODULES)])
def test_a_configuration_that_cannot_be_read_is_told_once(make_candidate, kind, name):
    candidate = make_candidate(kind)
    (candidate.path / name).write_text("<<<<<<< HEAD", encoding="utf-8")
    assert refused(candidate).startswith(f"{name}: not JSON: ")
    assert 1 == refused(candidate).count("not JSON")


def test_what_a_trainer_left_is_named_and_opened_by_nothing(make_candidate):
    candidate = make_candidate("full")
    (candidate.path / "checkpoint-10").mkdir()
    for name in ("training_args.bin", "checkpoint-10/optimizer.pt"):
        (candidate.path / name).write_bytes(b"any")
    found = check_files(candidate)
    assert "pass" == found.outcome
    assert "checkpoint-10/optimizer.pt, training_args.bin: left by a trainer" in found.message
    (candidate.path / "checkpoint-10" / "pytorch_model.bin").write_bytes(b"any")
    assert refused(candidate).startswith("checkpoint-10/pytorch_model.bin: a pickle")
