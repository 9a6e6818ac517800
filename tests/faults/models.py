"""Whole models that are not what they seem, passed with `--full-model`."""

import json
import re
import shutil
from collections.abc import Mapping
from functools import partial
from typing import Any

from harness.models import ADAPTER, ADAPTER_CONFIG, MODULES, WEIGHTS
from harness.training import record_training

from .tools import (
    ANOTHER_MODEL,
    Fault,
    adapted_layers,
    as_bert_was_saved,
    change_tensors,
    copied,
    cut_off,
    dropped,
    empty,
    in_half,
    in_turn,
    json_file,
    merged,
    open_plainly,
    pickle,
    read_tensors_of,
    replaced,
    scaled,
    set_json,
    small_lora,
    tensors,
    text_file,
    whole,
    whole_unrecorded,
    with_adapter,
)

_QUERY = "encoder.layer.0.attention.self.query.weight"
_WRAPPED = "would be random.*saved while wrapped by PEFT"
_NAN = r"NaN or infinite values in \S*query"


def _saved_while_wrapped(directory, shop):
    from peft import inject_adapter_in_model

    model = open_plainly(shop.inputs.base.path)
    transformer: Any = model.transformers_model
    inject_adapter_in_model(small_lora(), transformer)
    empty(directory, shop)
    model.save_pretrained(str(directory), create_model_card=False)


def _saved_after_deleting(directory, shop):
    model = with_adapter(shop)
    model.delete_adapter("default")
    empty(directory, shop)
    model.save_pretrained(str(directory), create_model_card=False)


def _merge(directory, shop):
    def add(found):
        for layer, change in adapted_layers(read_tensors_of(shop.adapter / ADAPTER)).items():
            found[f"{layer.removeprefix('base_model.model.')}.weight"] += change

    change_tensors(directory / WEIGHTS, add)


def _add_tensor(directory, _):
    added = "encoder.layer.2.output.dense.weight"
    change_tensors(directory / WEIGHTS, lambda found: found | {added: found[_QUERY].clone()})


def _spoil(directory, _):
    def spoil(found):
        found[_QUERY][3, 5] = float("nan")

    change_tensors(directory / WEIGHTS, spoil)


def _split(directory, shop):
    names = sorted(read_tensors_of(directory / WEIGHTS))
    for number, part in enumerate((names[:10], names[10:]), start=1):
        file = f"model-{number:05}-of-00002.safetensors"
        (directory / file).write_bytes((directory / WEIGHTS).read_bytes())
        tensors(lambda name, tensor, part=part: tensor if name in part else None, file)(directory, shop)
    (directory / WEIGHTS).unlink()
    index = {name: f"model-{1 if name in names[:10] else 2:05}-of-00002.safetensors" for name in names}
    set_json(directory / "model.safetensors.index.json", metadata={}, weight_map=index)


def _lose_a_shard(directory, shop):
    _split(directory, shop)
    (directory / "model-00002-of-00002.safetensors").unlink()


def _name_other_weights(directory, shop):
    (directory / "other.safetensors").write_bytes((shop.other_base / WEIGHTS).read_bytes())
    set_json(directory / "config.json", transformers_weights="other.safetensors")


def _lose_a_dense_layer(directory, shop):
    from sentence_transformers.sentence_transformer import modules

    model = open_plainly(directory)
    model.insert(2, modules.Dense(32, 16))
    model.save_pretrained(str(directory), create_model_card=False)
    record_training(model, directory, shop.inputs.base, shop.inputs.train, {})
    listed = json.loads((directory / MODULES).read_text(encoding="utf-8"))
    (directory / MODULES).write_text(json.dumps([m for m in listed if m["path"] != "2_Dense"]), encoding="utf-8")


def _in_both_names(directory, shop):
    def change(found):
        return {**found, f"bert.{_QUERY}": found[_QUERY] + 1}

    change_tensors(directory / WEIGHTS, change)


def _only_a_pickle(directory, _):
    (directory / WEIGHTS).rename(directory / "pytorch_model.bin")


def _pooling_outside(directory, shop):
    (directory / "1_Pooling").rename(directory.parent / "pooling")
    replaced(MODULES, '"1_Pooling"', '"../pooling"')(directory, shop)


_merged_unrecorded = partial(Fault, good="merged without record")
_INTO_ANOTHER = in_turn(copied(lambda shop: shop.other_base, WEIGHTS), _merge)
_UNLOADED = copied(lambda shop: shop.inputs.base.path, WEIGHTS)

MODELS: Mapping[str, Fault] = {
    # The base's weights stand under `base_layer`, where nothing looks for them: the attention projections are drawn at
    # random at each load, and transformers prints a table.
    # Seen: the names in https://github.com/huggingface/sentence-transformers/issues/3402.
    "model: saved while PEFT's layers were in it": whole_unrecorded(_saved_while_wrapped, "complete", _WRAPPED),
    # `delete_adapter` of transformers 5.23 with PEFT 0.21.2: PEFT's modules stay around the base's, so do their names,
    # and what is opened is random.
    "model: saved after its adapter was deleted": whole_unrecorded(_saved_after_deleting, "complete", _WRAPPED),
    # `unload` was called where `merge_and_unload` was meant: a whole model, and it is the base.
    # A merge that gave back the base: https://github.com/huggingface/peft/issues/2764.
    "model: unloaded instead of merged": merged(_UNLOADED, "record", ANOTHER_MODEL),
    "model: unloaded instead of merged, nothing recorded": _merged_unrecorded(_UNLOADED, "beats_base", "not better"),
    # Into a model that it had been merged into before.
    "model: merged twice": merged(_merge, "record", ANOTHER_MODEL),
    # Of the same shape. The weights fit everything that can be looked up about them; only a record tells.
    "model: merged into another base": merged(_INTO_ANOTHER, "record", ANOTHER_MODEL),
    "model: merged into another base, nothing recorded": _merged_unrecorded(
        _INTO_ANOTHER, "base", "record one with .*record_training", outcome="inconclusive"
    ),
    # It is drawn at random at each load.
    "model: a tensor is missing": whole(dropped(_QUERY, WEIGHTS), "complete", r"missing \S*query\.weight"),
    # Beside the pooler, on which no embedding depends, one on which all do.
    "model: the pooler and a norm are missing": whole(
        in_turn(dropped("pooler.", WEIGHTS), dropped("embeddings.LayerNorm.bias", WEIGHTS)),
        "complete",
        r"missing embeddings\.LayerNorm\.bias, pooler\.\S+",
    ),
    # The architecture has no place for it: it is dropped without a word.
    "model: a tensor is left over": whole(_add_tensor, "complete", r"unexpected encoder\.layer\.2\."),
    # In a file with the names of a model with a head, which transformers translates: what is wrong stays wrong.
    "model: in the oldest names, a tensor is missing": whole(
        in_turn(dropped(_QUERY, WEIGHTS), as_bert_was_saved()),
        "complete",
        r"missing \S*query\.weight \(they would be random\)\. ",
    ),
    "model: in the oldest names, a tensor is left over": whole(
        in_turn(_add_tensor, as_bert_was_saved()), "complete", r"unexpected bert\.encoder\.layer\.2\."
    ),
    "model: in the oldest names, of another layer": whole_unrecorded(
        in_turn(_add_tensor, as_bert_was_saved()), "base", r"bert\.encoder\.layer\.2\.\S+, which the base does not"
    ),
    "model: in the oldest names, of another width": whole_unrecorded(
        in_turn(copied(lambda shop: shop.wide_base), as_bert_was_saved()), "base", r"bert\.\S+ \[64\] for \[32\]"
    ),
    # Two tensors for one name, of which transformers takes one: which, depends on its version.
    "model: in the oldest names and in today's": whole(_in_both_names, "complete", re.escape(_QUERY)),
    # An entry of the list was lost in a merge by hand: the layer is in its directory, and nothing opens it.
    "directory: a Dense layer is not listed": whole(
        _lose_a_dense_layer, "record", "embeddings of 32 numbers, recorded in training were 16: not the model"
    ),
    # A head that was trained, of which an embedding model opens nothing.
    "model: with the head of a classifier": whole_unrecorded(
        as_bert_was_saved(head="classifier.bias"), "complete", r"classifier\.bias: of a head that is not restored"
    ),
    "model: a NaN": whole(_spoil, "complete", _NAN),
    # Cast to float16, whose largest number is 65504.
    "model: overflow in half precision": whole(
        in_turn(scaled(_QUERY, 1e6, WEIGHTS), in_half(WEIGHTS)), "complete", _NAN
    ),
    "model: the file is cut off": whole(cut_off(WEIGHTS), "files", "cannot be read as safetensors"),
    # An upload that was cut off: the index names a file that is not there.
    "model: one of several files is missing": whole(_lose_a_shard, "files", r"index\.json: names model-00002"),
    # Which transformers opens instead: `PreTrainedModel.from_pretrained` of transformers 5.23.
    "model: its configuration names other weights": whole(
        _name_other_weights, "complete", "does not hold the stored values"
    ),
    # Four instead of two: every tensor fits, and the model is another one.
    "model: the number of heads edited": whole(
        json_file("config.json", num_attention_heads=4), "complete", "num_attention_heads 4, the base has 2"
    ),
    "model: another activation": whole_unrecorded(
        json_file("config.json", hidden_act="relu"), "complete", "hidden_act 'relu', the base has 'gelu'"
    ),
    "model: another epsilon": whole_unrecorded(
        json_file("config.json", layer_norm_eps=1e-3), "complete", "layer_norm_eps 0.001, the base has 1e-12"
    ),
    "model: another width": whole_unrecorded(
        copied(lambda shop: shop.wide_base), "base", "base than tiny: other shapes"
    ),
    "directory: an adapter instead of a model": whole(
        in_turn(empty, copied(lambda shop: shop.adapter)), "files", "with --adapter"
    ),
    # Transformers puts the adapter on a second time. Seen: https://github.com/huggingface/peft/issues/1381.
    "directory: a model with an adapter left behind": merged(
        copied(lambda shop: shop.adapter, ADAPTER, ADAPTER_CONFIG), "files", "an adapter, not a whole model"
    ),
    "directory: the model's weights are a pickle": whole(_only_a_pickle, "files", r"pytorch_model\.bin: a pickle"),
    # Sentence-transformers looks in a module's directory too, and opens it by `torch.load`:
    # https://github.com/huggingface/sentence-transformers/pull/2927.
    "directory: a pickle in a module": whole(
        pickle("1_Pooling/pytorch_model.bin"), "files", r"1_Pooling/pytorch_model\.bin: a pickle"
    ),
    # Before sentence-transformers 6 a local one was run without being asked for:
    # https://github.com/huggingface/sentence-transformers/issues/3801.
    "directory: a module from a file": whole(
        in_turn(text_file("custom.py", "raise SystemExit\n"), replaced(MODULES, "sentence_transformers.", "custom.")),
        "files",
        "modules from elsewhere than sent",
    ),
    # Its settings can change after the gate.
    "directory: a module outside": whole(_pooling_outside, "files", r"outside the directory: \.\./pooling"),
    "directory: the tokenizer asks for code": whole(
        json_file("tokenizer_config.json", auto_map={"AutoTokenizer": ["my.Tokenizer", None]}), "files", "asks for code"
    ),
    # The directory's own settings switch on what the gate does not.
    "directory: trusts remote code": whole(
        json_file("sentence_bert_config.json", model_args={"trust_remote_code": True}), "files", "asks for code"
    ),
    # The upload of a directory within was forgotten.
    "directory: the pooling is missing": whole(
        lambda directory, _: shutil.rmtree(directory / "1_Pooling"),
        "files",
        r"lists Pooling in 1_Pooling, which has no config\.json: upload all of it",
    ),
    # A conflict of a merge, committed with its marks.
    "directory: broken JSON": whole(text_file("config.json", "<<<<<<< HEAD\n{}\n"), "files", r"config\.json: not JSON"),
}
