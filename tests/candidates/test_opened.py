"""Opened, a candidate is what its files say, tensor by tensor, or the proof that fails names what is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from harness.candidates import opened, prove_opened
from harness.checkpoints import ADAPTER, ADAPTER_CONFIG, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.candidates import Candidate, Finding

QUERY = "encoder.layer.0.attention.self.query"
QUERY_A, QUERY_B = (f"base_model.model.{QUERY}.lora_{side}.weight" for side in "AB")


@pytest.fixture
def prove(tiny_inputs: Any) -> Callable[[Candidate], dict[str, Finding]]:
    return lambda candidate: prove_opened(candidate, tiny_inputs.base, lambda *_: None)


def outcomes(found: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.outcome for name, finding in found.items()}


def test_a_trained_adapter_is_whole_and_merges_exactly(
    arrived: Callable[..., Candidate], prove: Callable[[Candidate], dict[str, Finding]]
) -> None:
    candidate = arrived("lora")
    found = prove(candidate)
    assert {"whole": "pass", "weights": "pass"} == outcomes(found)
    tensors = load_file(candidate.path / ADAPTER)
    changes = [
        8 / 4 * tensors[name.replace("lora_A", "lora_B")].astype(np.float64) @ tensors[name]
        for name in tensors
        if "lora_A" in name
    ]
    largest = max(np.abs(change).max() for change in changes)
    assert found["weights"].message == (
        f"merged, it is the base plus scaling x B x A: weights change by up to {largest:.2g}"
    )


def test_a_trained_model_is_whole_and_has_no_merge_to_prove(
    arrived: Callable[..., Candidate], prove: Callable[[Candidate], dict[str, Finding]]
) -> None:
    assert {
        "whole": ("pass", "every tensor of its files is in the opened model, and nothing else is")
    } == prove(arrived("full"))  # fmt: skip


@pytest.fixture
def save_adapter(tiny_base_path: Path) -> Callable[..., None]:
    """Saves a PEFT adapter with random weights over a candidate's."""

    def save(path: Path, **options: Any) -> None:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import BertModel

        adapted = get_peft_model(BertModel.from_pretrained(tiny_base_path), LoraConfig(r=4, lora_alpha=8, **options))
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for parameter in adapted.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
        adapted.save_pretrained(str(path))

    return save


KINDS: dict[str, dict[str, Any]] = {
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "patterns": {"rank_pattern": {r".*layer\.1.*query": 2}, "alpha_pattern": {"value": 3}},
    "biases": {"bias": "all"},
    "biases-of-its-layers": {"bias": "lora_only", "use_dora": True},
    "whole-modules": {"modules_to_save": ["pooler"]},
    "one-layer": {"layers_to_transform": [1]},
}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_adapters_of_every_kind_are_proven(
    arrived: Callable[..., Candidate],
    prove: Callable[[Candidate], dict[str, Finding]],
    save_adapter: Callable[..., None],
    options: dict[str, Any],
) -> None:
    candidate = arrived("lora", recorded=False)
    save_adapter(candidate.path, target_modules=["query", "value"], **options)
    found = prove(candidate)
    assert {"whole": "pass", "weights": "pass"} == outcomes(found), found


def rename(tensors: dict[str, Any], old: str, new: str) -> None:
    for name in [name for name in tensors if old in name]:
        tensors[name.replace(old, new)] = tensors.pop(name)


NOT_WHOLE: dict[str, tuple[Callable[[dict[str, Any]], Any], list[str]]] = {
    "missing": (lambda t: t.pop(QUERY_B), [f"missing {QUERY_B} (they would be random)"]),
    "left-over": (lambda t: t.update(extra=np.ones(2, np.float32)), ["unexpected extra"]),
    "other-prefix": (lambda t: rename(t, "model.encoder", "model.0.auto_model.encoder"), ["missing", "unexpected"]),
    "other-layer": (lambda t: rename(t, "layer.1", "layer.7"), ["missing base_", "unexpected base_"]),
    "nan": (lambda t: t[QUERY_A].fill(np.nan), [f"NaN or infinite values in {QUERY_A}"]),
    "other-rank": (lambda t: t.update({QUERY_A: t[QUERY_A][:2].copy()}), ["does not fit its base", QUERY]),
}


@pytest.mark.filterwarnings("ignore:Found missing adapter keys:UserWarning")
@pytest.mark.parametrize(("change", "said"), NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_an_adapter_that_is_not_whole_fails_and_its_merge_is_not_computed(
    arrived: Callable[..., Candidate],
    prove: Callable[[Candidate], dict[str, Finding]],
    edit_tensors: Callable[..., None],
    change: Callable[[dict[str, Any]], Any],
    said: list[str],
) -> None:
    candidate = arrived("lora")
    edit_tensors(candidate.path / ADAPTER, change)
    found = prove(candidate)
    assert ("fail", "not computed: it does not open") == found["weights"]
    assert "fail" == found["whole"].outcome
    assert [] == [part for part in said if part not in found["whole"].message], found["whole"].message


def test_a_model_that_was_saved_while_wrapped_by_peft_is_not_whole(
    arrived: Callable[..., Candidate], prove: Callable[[Candidate], dict[str, Finding]], tiny_base_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import BertModel

    candidate = arrived("full", recorded=False)
    wrapped = get_peft_model(BertModel.from_pretrained(tiny_base_path), LoraConfig(target_modules=["query", "value"]))
    state = {name.removeprefix("base_model.model."): tensor.numpy() for name, tensor in wrapped.state_dict().items()}
    save_file(state, candidate.path / WEIGHTS, metadata={"format": "pt"})
    found = prove(candidate)
    assert {"whole": "fail"} == outcomes(found)
    assert "Was it saved while wrapped by PEFT" in found["whole"].message


def test_an_untrained_adapter_is_whole_and_has_no_effect(
    arrived: Callable[..., Candidate],
    prove: Callable[[Candidate], dict[str, Finding]],
    edit_tensors: Callable[..., None],
) -> None:
    candidate = arrived("lora")
    edit_tensors(candidate.path / ADAPTER, lambda t: [t[name].fill(0) for name in t if "lora_B" in name])
    found = prove(candidate)
    assert {"whole": "pass", "weights": "fail"} == outcomes(found)
    expected = f"{candidate.path}: the adapter changes no weight: every B x A is zero. Was it saved before"
    assert found["weights"].message.startswith(expected)


def test_a_merge_that_is_not_exact_is_named(
    arrived: Callable[..., Candidate],
    prove: Callable[[Candidate], dict[str, Finding]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    merge = opened.merge

    def in_half_precision(model: Any) -> Any:
        merged = merge(model)
        dict(merged.transformers_model.named_parameters())[f"{QUERY}.weight"].data.mul_(1.001)
        return merged

    monkeypatch.setattr(opened, "merge", in_half_precision)
    found = prove(arrived("lora"))
    assert {"whole": "pass", "weights": "fail"} == outcomes(found)
    assert f"float64: {QUERY}.weight (off by up to " in found["weights"].message


def test_a_scaling_in_the_file_other_than_it_was_trained_with_is_no_matter_of_the_merge(
    arrived: Callable[..., Candidate], prove: Callable[[Candidate], dict[str, Finding]], edit_json: Callable[..., None]
) -> None:
    """Files and merge agree; that it is not what was trained, only the recorded embeddings can tell."""
    candidate = arrived("lora")
    edit_json(candidate.path / ADAPTER_CONFIG, lora_alpha=80)
    assert {"whole": "pass", "weights": "pass"} == outcomes(prove(candidate))


def test_findings_go_through_json(
    arrived: Callable[..., Candidate], prove: Callable[[Candidate], dict[str, Finding]]
) -> None:
    found = prove(arrived("lora"))
    assert {name: list(finding) for name, finding in found.items()} == json.loads(json.dumps(found))
