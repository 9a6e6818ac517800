"""LoRA targets are held against the base as PEFT does, before anything is trained."""

import json

import numpy as np
import pytest
from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
from safetensors.numpy import save_file

from harness.models import ResolvedBase, target_problem, targets

NAMES = ("embeddings.word", "encoder.layer.0.attention.query", "encoder.layer.0.attention.value", "encoder.norm")
FIT = [["query"], ["attention.value", "query"], ["encoder.layer.0.attention.query"], "all-linear", "ALL-LINEAR"]
FIT += [r".*\.layer\.\d+\.attention\.(query|value)", r"encoder\..*value", None]


def base(directory, *, prefix="", kind="bert"):
    shapes = {f"{prefix}{name}.weight": (2, 2) if name != "encoder.norm" else (2,) for name in NAMES}
    save_file({name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, directory / "model.safetensors")
    (directory / "config.json").write_text(json.dumps({"model_type": kind}), encoding="utf-8")
    return ResolvedBase("tiny", None, directory, "0" * 64)


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_what_peft_would_find_fits(tmp_path, prefix):
    found = base(tmp_path, prefix=prefix)
    assert dict.fromkeys(map(str, FIT), "") == {str(wanted): target_problem(found, wanted) for wanted in FIT}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (["query", "wings"], "got wings, expected 'all-linear', or modules of the base: query, value, word"),
        (["uery"], "got uery, expected"),
        (["norm"], "got norm, expected"),  # no matrix: PEFT takes no such layer
        ("query|value", "no module has a name that is 'query|value' as a whole; expected one for names such as"),
        ("(", "'(' is no regular expression: "),
    ],
)
def test_what_peft_would_not_find_is_said(tmp_path, wanted, said):
    assert target_problem(base(tmp_path), wanted).startswith(said)


def test_an_architecture_without_default_is_said(tmp_path, monkeypatch):
    found = base(tmp_path, kind="mpnet")
    assert target_problem(found, None).startswith("PEFT has no default for a mpnet; expected 'all-linear', or modules ")
    assert dict(TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING) == targets._peft_defaults()
    monkeypatch.setattr(targets, "_peft_defaults", dict)  # another layout of PEFT: it says so itself when it trains
    assert "" == target_problem(found, None)


def test_a_static_model_takes_no_adapter(tmp_path):
    found = base(tmp_path)
    modules = [{"path": "", "type": "sentence_transformers.models.StaticEmbedding"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    assert "tiny is a StaticEmbedding, which takes no adapter" in target_problem(found, "all-linear")
