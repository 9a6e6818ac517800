"""Artefacts that are good, each as someone could have made it: the gate must let them all through."""

from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

from harness.checkpoints import ADAPTER, ADAPTER_CONFIG, WEIGHTS

from .tools import (
    Shop,
    change_config,
    change_tensors,
    drop_record,
    open_plainly,
    read_tensors_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .tools import Break

QUERY = "base_model.model.encoder.layer.0.attention.self.query"


def adapter(out: Path, shop: Shop) -> None:
    """An adapter as sentence-transformers saves it, with the record of its training."""
    shutil.copytree(shop.adapter, out, ignore=shutil.ignore_patterns("manifest.json"))


def adapter_without_record(out: Path, shop: Shop) -> None:
    """The same from a training elsewhere."""
    adapter(out, shop)
    drop_record(out)


def adapter_saved_by_peft(out: Path, shop: Shop) -> None:
    """The same adapter, saved by `PeftModel.save_pretrained`, with the record of its training beside it."""
    from peft import PeftModel

    transformer: Any = open_plainly(shop.inputs.base.path).transformers_model
    PeftModel.from_pretrained(transformer, str(shop.adapter)).save_pretrained(str(out))
    for name in ("training.json", "training.safetensors"):
        shutil.copy(shop.adapter / name, out)


def adapter_saved_by_peft_without_record(out: Path, shop: Shop) -> None:
    """The same from a training elsewhere, on a machine where the base lay in another place."""
    adapter_saved_by_peft(out, shop)
    drop_record(out)
    change_config(out, base_model_name_or_path="/home/somebody/models/tiny")


def adapter_saved_while_disabled(out: Path, shop: Shop) -> None:
    """Disabling an adapter changes nothing on the disk: it is saved whole, and enabled again when it is opened."""
    model = open_plainly(shop.inputs.base.path)
    model.load_adapter(str(shop.adapter))
    model.disable_adapters()
    model.save_pretrained(str(out), create_model_card=False)


def adapter_saved_after_merging_in_place(out: Path, shop: Shop) -> None:
    """Merged into its layers while they live, an adapter is still saved as it was."""
    from peft import PeftModel

    transformer: Any = open_plainly(shop.inputs.base.path).transformers_model
    adapted = PeftModel.from_pretrained(transformer, str(shop.adapter))
    adapted.merge_adapter()
    adapted.save_pretrained(str(out))


def adapter_in_bf16(out: Path, shop: Shop) -> None:
    """An adapter saved in bf16, as after a training in that precision.

    Asked for in https://github.com/huggingface/peft/issues/701; PEFT opens it in fp32
    (https://github.com/huggingface/peft/issues/2421).
    """
    adapter(out, shop)
    change_tensors(out / ADAPTER, lambda tensors: {name: tensor.bfloat16() for name, tensor in tensors.items()})


def adapter_in_fp16(out: Path, shop: Shop) -> None:
    """An adapter saved in fp16, whose numbers it holds."""
    adapter(out, shop)
    change_tensors(out / ADAPTER, lambda tensors: {name: tensor.half() for name, tensor in tensors.items()})


def adapter_from_the_hub(out: Path, shop: Shop) -> None:
    """The hub's cache: links to files that lie elsewhere under their digests, and what people and tools leave there."""
    adapter(out, shop)
    (out / "README.md").write_text("# An adapter\n", encoding="utf-8")
    (out / "trainer_state.json").write_text('{"global_step": 100}', encoding="utf-8")
    (out / "events.out.tfevents.1").write_bytes(b"\0" * 10)
    blobs = out.parent / "blobs"
    blobs.mkdir()
    for number, file in enumerate(sorted(path for path in out.rglob("*") if path.is_file())):
        file.rename(blobs / str(number))
        file.symlink_to(blobs / str(number))


def adapter_with_saved_module(out: Path, shop: Shop) -> None:
    """An adapter with `modules_to_save`: the pooler is trained whole, and does not enter the mean of the tokens."""
    adapter(out, shop)
    base = read_tensors_of(shop.inputs.base.path / WEIGHTS)
    pooler = {f"base_model.model.{name}": base[name] + 0.01 for name in ("pooler.dense.weight", "pooler.dense.bias")}
    change_tensors(out / ADAPTER, lambda tensors: tensors | pooler)
    change_config(out, modules_to_save=["pooler.dense"])


def adapter_with_biases(out: Path, shop: Shop) -> None:
    """An adapter with `bias="all"`, whose biases are the base's."""
    adapter(out, shop)
    layers = {name.removesuffix(".lora_A.weight") for name in read_tensors_of(out / ADAPTER)}
    biases = {}
    for name, tensor in read_tensors_of(shop.inputs.base.path / WEIGHTS).items():
        module, _, kind = f"base_model.model.{name}".rpartition(".")
        if kind == "bias":
            biases[f"{module}.base_layer.bias" if module in layers else f"{module}.bias"] = tensor
    change_tensors(out / ADAPTER, lambda tensors: tensors | biases)
    change_config(out, bias="all")


def adapter_by_rslora(out: Path, shop: Shop) -> None:
    """An adapter with rsLoRA's scaling, alpha over the root of the rank: the same model by another alpha."""
    adapter(out, shop)
    config = json.loads((out / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    change_config(out, use_rslora=True, lora_alpha=config["lora_alpha"] / math.sqrt(config["r"]))


def adapter_with_patterns(out: Path, shop: Shop) -> None:
    """One layer with a rank and an alpha of its own: two more rows of zeros, and alpha raised as much."""
    adapter(out, shop)

    def widen(tensors: dict[str, Any]) -> None:
        a, b = tensors[f"{QUERY}.lora_A.weight"], tensors[f"{QUERY}.lora_B.weight"]
        tensors[f"{QUERY}.lora_A.weight"] = a.new_zeros(6, a.shape[1]).index_copy(0, _first(4), a)
        tensors[f"{QUERY}.lora_B.weight"] = b.new_zeros(b.shape[0], 6).index_copy(1, _first(4), b)

    change_tensors(out / ADAPTER, widen)
    change_config(out, rank_pattern={"layer.0.attention.self.query": 6}, alpha_pattern={r".*\.0\..*\.query": 12})


def adapter_of_a_branch(out: Path, shop: Shop) -> None:
    """An adapter whose training named a branch of the base, which says nothing about the commit."""
    adapter_without_record(out, shop)
    change_config(out, base_model_name_or_path=shop.inputs.base.name, revision="main")


def adapter_merged(out: Path, shop: Shop) -> None:
    """The adapter merged into its base and saved as a whole model, with the record of its training."""
    from peft import PeftModel

    model = open_plainly(shop.inputs.base.path)
    transformer: Any = model.transformers_model
    merged: Any = PeftModel.from_pretrained(transformer, str(shop.adapter)).merge_and_unload()
    model[0].model = merged
    model.save_pretrained(str(out), create_model_card=False)
    for name in ("training.json", "training.safetensors"):
        shutil.copy(shop.adapter / name, out)


def adapter_merged_without_record(out: Path, shop: Shop) -> None:
    """The same from a training elsewhere."""
    adapter_merged(out, shop)
    drop_record(out)


def whole(out: Path, shop: Shop) -> None:
    """A whole model as sentence-transformers saves it, with the record of its training."""
    shutil.copytree(shop.whole, out, ignore=shutil.ignore_patterns("manifest.json"))


def whole_without_record(out: Path, shop: Shop) -> None:
    """The same from a training elsewhere."""
    whole(out, shop)
    drop_record(out)


def _first(count: int) -> Any:
    import torch

    return torch.arange(count)


GOODS: Mapping[str, Break] = {
    "adapter": adapter,
    "adapter without record": adapter_without_record,
    "adapter saved by PEFT": adapter_saved_by_peft,
    "adapter saved by PEFT, without record": adapter_saved_by_peft_without_record,
    "adapter saved while disabled, without record": adapter_saved_while_disabled,
    "adapter saved after merging in place, without record": adapter_saved_after_merging_in_place,
    "adapter in bf16": adapter_in_bf16,
    "adapter in fp16": adapter_in_fp16,
    "adapter from the hub": adapter_from_the_hub,
    "adapter with modules_to_save": adapter_with_saved_module,
    "adapter with biases": adapter_with_biases,
    "adapter by rsLoRA": adapter_by_rslora,
    "adapter with patterns": adapter_with_patterns,
    "adapter of a branch, without record": adapter_of_a_branch,
    "merged": adapter_merged,
    "merged without record": adapter_merged_without_record,
    "whole": whole,
    "whole without record": whole_without_record,
}
"""What it is -> how it is made. Its first word says what it is gated as, its last whether it has a record."""
