"""Artefacts that are good, each as someone could have made it: the gate must let them all through."""

import json
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from harness.models import ADAPTER, ADAPTER_CONFIG, WEIGHTS
from harness.models.record import ARRAYS, RECORD

from .methods import METHODS
from .tools import (
    Change,
    as_bert_was_saved,
    change_tensors,
    config,
    copied,
    drop_record,
    dropped,
    in_half,
    in_turn,
    open_plainly,
    read_tensors_of,
    set_json,
    tensors,
    text_file,
    with_adapter,
)

_QUERY = "base_model.model.encoder.layer.0.attention.self.query"

_adapter = copied(lambda shop: shop.adapter)
_record = copied(lambda shop: shop.adapter, RECORD, ARRAYS)
_whole = copied(lambda shop: shop.whole)


def _by_method(method, shop):
    return shop.by_method(method)


def _on_base(shop):
    from peft import PeftModel

    transformer: Any = open_plainly(shop.inputs.base.path).transformers_model
    return PeftModel.from_pretrained(transformer, str(shop.adapter))


def _saved_by_peft(out, shop):
    _on_base(shop).save_pretrained(str(out))


def _saved_while_disabled(out, shop):
    model = with_adapter(shop)
    model.disable_adapters()
    model.save_pretrained(str(out), create_model_card=False)


def _saved_after_merging_in_place(out, shop):
    adapted = _on_base(shop)
    adapted.merge_adapter()
    adapted.save_pretrained(str(out))


def _merged(out, shop):
    model = open_plainly(shop.inputs.base.path)
    model[0].model = _on_base(shop).merge_and_unload()
    model.save_pretrained(str(out), create_model_card=False)


def _as_in_the_cache(out, _):
    for name in ("README.md", "events.out.tfevents.1"):
        (out / name).write_bytes(b"any")
    set_json(out / "trainer_state.json", global_step=100)
    blobs = out.parent / "blobs"
    blobs.mkdir()
    for number, file in enumerate(sorted(path for path in out.rglob("*") if path.is_file())):
        file.rename(blobs / str(number))
        file.symlink_to(blobs / str(number))


def _add_pooler(out, shop):
    base = read_tensors_of(shop.inputs.base.path / WEIGHTS)
    pooler = {f"base_model.model.{name}": base[name] + 0.01 for name in ("pooler.dense.weight", "pooler.dense.bias")}
    change_tensors(out / ADAPTER, lambda found: found | pooler)


def _add_biases(out, shop):
    layers = {name.removesuffix(".lora_A.weight") for name in read_tensors_of(out / ADAPTER)}
    biases = {}
    for name, tensor in read_tensors_of(shop.inputs.base.path / WEIGHTS).items():
        module = f"base_model.model.{name.removesuffix('.bias')}"
        if name.endswith(".bias"):
            biases[f"{module}.base_layer.bias" if module in layers else f"{module}.bias"] = tensor
    change_tensors(out / ADAPTER, lambda found: found | biases)


def _scale_by_rslora(out, _):
    content = json.loads((out / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    set_json(out / ADAPTER_CONFIG, use_rslora=True, lora_alpha=content["lora_alpha"] / math.sqrt(content["r"]))


def _widen(out, _):
    from torch.nn.functional import pad

    def widen(found):
        found[f"{_QUERY}.lora_A.weight"] = pad(found[f"{_QUERY}.lora_A.weight"], (0, 0, 0, 2))
        found[f"{_QUERY}.lora_B.weight"] = pad(found[f"{_QUERY}.lora_B.weight"], (0, 2))

    change_tensors(out / ADAPTER, widen)


def _name_a_branch(out, shop):
    set_json(out / ADAPTER_CONFIG, base_model_name_or_path=shop.inputs.base.name, revision="main")


_STATE = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "rng_state_0.pth")

GOODS: Mapping[str, Change] = {
    # As sentence-transformers saves it, with the record of its training.
    "adapter": _adapter,
    # From a training elsewhere.
    "adapter without record": in_turn(_adapter, drop_record),
    # By `PeftModel.save_pretrained`.
    "adapter saved by PEFT": in_turn(_saved_by_peft, _record),
    # On a machine where the base lay in another place.
    "adapter saved by PEFT, without record": in_turn(
        _saved_by_peft, config(base_model_name_or_path="/home/somebody/models/tiny")
    ),
    # Trained beside its base, or from a mirror of the hub.
    "adapter on a base by its path": in_turn(_saved_by_peft, _record, config(base_model_name_or_path="./MiniLM")),
    "adapter on a base of a mirror": in_turn(_saved_by_peft, _record, config(base_model_name_or_path="models/tiny")),
    "adapter on a base by its path, without record": in_turn(
        _saved_by_peft, config(base_model_name_or_path="./MiniLM")
    ),
    # A checkpoint as it lies there: the trainer leaves its state beside the weights, as pickles that nothing opens.
    "adapter with a trainer's state beside it": in_turn(_adapter, *(text_file(name, "any") for name in _STATE)),
    # Disabling an adapter changes nothing on the disk: it is saved whole, and enabled again when it is opened.
    "adapter saved while disabled, without record": _saved_while_disabled,
    # Merged into its layers while they live, an adapter is still saved as it was.
    "adapter saved after merging in place, without record": _saved_after_merging_in_place,
    # As after a training in that precision. Asked for in https://github.com/huggingface/peft/issues/701; PEFT opens it
    # in fp32 (https://github.com/huggingface/peft/issues/2421).
    "adapter in bf16": in_turn(_adapter, tensors(lambda _, tensor: tensor.bfloat16())),
    "adapter in fp16": in_turn(_adapter, in_half()),
    # Links to files that lie elsewhere under their digests, and what people and tools leave there.
    "adapter from the hub": in_turn(_adapter, _as_in_the_cache),
    # The pooler is trained whole, and does not enter the mean of the tokens.
    "adapter with modules_to_save": in_turn(_adapter, _add_pooler, config(modules_to_save=["pooler.dense"])),
    # The biases are the base's.
    "adapter with biases": in_turn(_adapter, _add_biases, config(bias="all")),
    # Alpha over the root of the rank: the same model by another alpha.
    "adapter by rsLoRA": in_turn(_adapter, _scale_by_rslora),
    # One layer with a rank and an alpha of its own: two more rows of zeros, and alpha raised as much.
    "adapter with patterns": in_turn(
        _adapter,
        _widen,
        config(rank_pattern={"layer.0.attention.self.query": 6}, alpha_pattern={r".*\.0\..*\.query": 12}),
    ),
    # Its training named a branch of the base, which says nothing about the commit.
    "adapter of a branch, without record": in_turn(_adapter, drop_record, _name_a_branch),
    # By other methods than plain LoRA, as PEFT saves them.
    **{f"adapter by {method}": copied(partial(_by_method, method)) for method in METHODS},
    # Nothing but PEFT computes its weights, so without a record nothing says that they are right.
    "adapter by LoHa, without record": in_turn(copied(partial(_by_method, "LoHa")), drop_record),
    # Merged into its base and saved as a whole model.
    "merged": in_turn(_merged, _record),
    "merged without record": _merged,
    # As sentence-transformers saves it, with the record of its training.
    "whole": _whole,
    "whole without record": in_turn(_whole, drop_record),
    # As many sentence models are on the hub: the pooler, which nothing is pooled by, was left out.
    "whole without pooler": in_turn(_whole, dropped("pooler.", WEIGHTS)),
    "merged without pooler, without record": in_turn(_merged, dropped("pooler.", WEIGHTS)),
    "whole in the oldest names, without pooler": in_turn(_whole, dropped("pooler.", WEIGHTS), as_bert_was_saved()),
    # Saved by a class of transformers with its head of pre-training, in the names of the first models: transformers
    # translates them when it opens the file, and leaves the head out.
    "whole in the oldest names": in_turn(_whole, as_bert_was_saved()),
    "whole in the oldest names, without record": in_turn(_whole, drop_record, as_bert_was_saved()),
    "merged in the oldest names": in_turn(_merged, _record, as_bert_was_saved()),
}
"""What it is -> how it is made. Its first word says what it is gated as, its last whether it has a record."""
