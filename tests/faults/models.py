"""Whole models that are not what they seem, passed with `--full-model`."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from harness.checkpoints import ADAPTER, ADAPTER_CONFIG, MODULES, WEIGHTS

from .tools import (
    Fault,
    Shop,
    change_json,
    change_tensors,
    empty,
    open_plainly,
    read_tensors_of,
    small_lora,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

QUERY = "encoder.layer.0.attention.self.query.weight"


def saved_while_wrapped(directory: Path, shop: Shop) -> None:
    """Saved as a whole model while PEFT's layers were in it.

    The base's weights stand under `base_layer`, where nothing looks for them: the attention projections are drawn at
    random at each load, and transformers prints a table. Seen: the names in
    https://github.com/huggingface/sentence-transformers/issues/3402.
    """
    from peft import inject_adapter_in_model

    model = open_plainly(shop.inputs.base.path)
    transformer: Any = model.transformers_model
    inject_adapter_in_model(small_lora(), transformer)
    empty(directory)
    model.save_pretrained(str(directory), create_model_card=False)


def saved_after_deleting(directory: Path, shop: Shop) -> None:
    """The adapter was deleted from the live model, and the model saved: PEFT's modules stay around the base's.

    `delete_adapter` of transformers 5.23 with PEFT 0.21.2: the names keep PEFT's parts, and what is opened is random.
    """
    model = open_plainly(shop.inputs.base.path)
    model.load_adapter(str(shop.adapter))
    model.delete_adapter("default")
    empty(directory)
    model.save_pretrained(str(directory), create_model_card=False)


def unloaded_instead_of_merged(directory: Path, shop: Shop) -> None:
    """`unload` was called where `merge_and_unload` was meant: a whole model, and it is the base.

    A merge that gave back the base: https://github.com/huggingface/peft/issues/2764.
    """
    shutil.copy(shop.inputs.base.path / WEIGHTS, directory)


def merged_twice(directory: Path, shop: Shop) -> None:
    """The adapter was merged into a model that it had been merged into before."""
    _merge(directory / WEIGHTS, read_tensors_of(shop.adapter / ADAPTER))


def merged_into_another_base(directory: Path, shop: Shop) -> None:
    """The adapter was merged into another base of the same shape.

    The weights fit everything that can be looked up about them; only what was recorded in the training tells.
    """
    shutil.copy(shop.other_base / WEIGHTS, directory)
    _merge(directory / WEIGHTS, read_tensors_of(shop.adapter / ADAPTER))


def tensor_missing(directory: Path, _: Shop) -> None:
    """A tensor is not in the file: it is drawn at random at each load."""
    change_tensors(directory / WEIGHTS, lambda t: {n: v for n, v in t.items() if n != QUERY})


def tensor_left_over(directory: Path, _: Shop) -> None:
    """A tensor that the architecture has no place for: it is dropped without a word."""
    change_tensors(directory / WEIGHTS, lambda t: t | {"encoder.layer.2.output.dense.weight": t[QUERY].clone()})


def nan(directory: Path, _: Shop) -> None:
    """A NaN in the weights."""

    def spoil(tensors: dict[str, Any]) -> None:
        tensors[QUERY][3, 5] = float("nan")

    change_tensors(directory / WEIGHTS, spoil)


def overflow_in_half(directory: Path, _: Shop) -> None:
    """Cast to float16, whose largest number is 65504."""
    change_tensors(directory / WEIGHTS, lambda t: {n: (v * 1e6 if n == QUERY else v).half() for n, v in t.items()})


def truncated(directory: Path, _: Shop) -> None:
    """The end of the file is missing."""
    os.truncate(directory / WEIGHTS, (directory / WEIGHTS).stat().st_size - 100)


def sharded(directory: Path, _: Shop) -> None:
    """The weights in two files with an index, as transformers writes large models; the gate reads one file."""
    tensors = read_tensors_of(directory / WEIGHTS)
    names = sorted(tensors)
    for number, part in enumerate((names[:10], names[10:]), start=1):
        file = directory / f"model-{number:05}-of-00002.safetensors"
        shutil.copy(directory / WEIGHTS, file)
        change_tensors(file, lambda t, part=part: {n: t[n] for n in part})
    (directory / WEIGHTS).unlink()
    change_json(directory / "model.safetensors.index.json", metadata={}, weight_map={})


def other_weights_named(directory: Path, shop: Shop) -> None:
    """The configuration names another file of weights, which transformers opens instead (`transformers_weights`).

    `PreTrainedModel.from_pretrained` of transformers 5.23.
    """
    shutil.copy(shop.other_base / WEIGHTS, directory / "other.safetensors")
    change_json(directory / "config.json", transformers_weights="other.safetensors")


def heads_edited(directory: Path, _: Shop) -> None:
    """Four heads instead of two: every tensor fits, and the model is another one."""
    change_json(directory / "config.json", num_attention_heads=4)


def other_width(directory: Path, shop: Shop) -> None:
    """A model of twice the width."""
    shutil.copytree(shop.wide_base, directory, dirs_exist_ok=True)


def an_adapter(directory: Path, shop: Shop) -> None:
    """An adapter, passed as a whole model."""
    empty(directory)
    shutil.copytree(shop.adapter, directory, dirs_exist_ok=True)


def adapter_left_behind(directory: Path, shop: Shop) -> None:
    """A merged model with the adapter's files beside it: transformers puts the adapter on a second time.

    Seen: https://github.com/huggingface/peft/issues/1381.
    """
    for name in (ADAPTER, ADAPTER_CONFIG):
        shutil.copy(shop.adapter / name, directory)


def pickle_only(directory: Path, _: Shop) -> None:
    """The weights as a pickle."""
    (directory / WEIGHTS).rename(directory / "pytorch_model.bin")


def pickle_below(directory: Path, _: Shop) -> None:
    """A pickle in a module's directory, where sentence-transformers looks too.

    It opens them by `torch.load`: https://github.com/huggingface/sentence-transformers/pull/2927.
    """
    (directory / "1_Pooling" / "pytorch_model.bin").write_bytes(b"never opened")


def module_from_a_file(directory: Path, _: Shop) -> None:
    """A module whose class is in a Python file beside the weights.

    Before sentence-transformers 6 a local one was run without being asked for:
    https://github.com/huggingface/sentence-transformers/issues/3801.
    """
    (directory / "custom.py").write_text("raise SystemExit\n", encoding="utf-8")
    text = (directory / MODULES).read_text(encoding="utf-8")
    (directory / MODULES).write_text(text.replace("sentence_transformers.", "custom.", 1), encoding="utf-8")


def module_from_elsewhere(directory: Path, _: Shop) -> None:
    """A module's settings lie outside the directory, and can change after the gate."""
    (directory / "1_Pooling").rename(directory.parent / "pooling")
    text = (directory / MODULES).read_text(encoding="utf-8")
    (directory / MODULES).write_text(text.replace('"1_Pooling"', '"../pooling"'), encoding="utf-8")


def remote_code(directory: Path, _: Shop) -> None:
    """The tokenizer asks for code that comes with it (`auto_map`)."""
    change_json(directory / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization.Mine", None]})


def trusts_code(directory: Path, _: Shop) -> None:
    """The directory's own settings switch on what the gate does not: `trust_remote_code`."""
    change_json(directory / "sentence_bert_config.json", model_args={"trust_remote_code": True})


def no_json(directory: Path, _: Shop) -> None:
    """A conflict of a merge, committed with its marks."""
    (directory / "config.json").write_text("<<<<<<< HEAD\n{}\n", encoding="utf-8")


MODELS: Mapping[str, Fault] = {
    "model: saved while PEFT's layers were in it": Fault(
        "whole without record", saved_while_wrapped, "whole", "would be random.*saved while wrapped by PEFT"
    ),
    "model: saved after its adapter was deleted": Fault(
        "whole without record", saved_after_deleting, "whole", "would be random.*saved while wrapped by PEFT"
    ),
    "model: unloaded instead of merged": Fault(
        "merged", unloaded_instead_of_merged, "trained", "not the model that was trained"
    ),
    "model: unloaded instead of merged, nothing recorded": Fault(
        "merged without record", unloaded_instead_of_merged, "baseline", "worse by"
    ),
    "model: merged twice": Fault("merged", merged_twice, "trained", "not the model that was trained"),
    "model: merged into another base": Fault(
        "merged", merged_into_another_base, "trained", "not the model that was trained"
    ),
    "model: merged into another base, nothing recorded": Fault(
        "merged without record", merged_into_another_base, "base", "record one with .*record_training", "inconclusive"
    ),
    "model: a tensor is missing": Fault("whole", tensor_missing, "whole", r"missing \S*query\.weight \(they would be"),
    "model: a tensor is left over": Fault("whole", tensor_left_over, "whole", r"unexpected encoder\.layer\.2\."),
    "model: a NaN": Fault("whole", nan, "whole", r"NaN or infinite values in \S*query"),
    "model: overflow in half precision": Fault(
        "whole", overflow_in_half, "whole", r"NaN or infinite values in \S*query"
    ),
    "model: the file is cut off": Fault("whole", truncated, "files", "cannot be read as safetensors"),
    "model: in several files": Fault("whole", sharded, "files", r"no model\.safetensors in it"),
    "model: its configuration names other weights": Fault(
        "whole", other_weights_named, "whole", "does not hold the stored values"
    ),
    "model: the number of heads edited": Fault("whole", heads_edited, "trained", "not the model that was trained"),
    "model: another width": Fault("whole without record", other_width, "base", "another base than tiny: other shapes"),
    "directory: an adapter instead of a model": Fault("whole", an_adapter, "files", "gate it with --adapter"),
    "directory: a model with an adapter left behind": Fault(
        "merged", adapter_left_behind, "files", "an adapter, not a whole model"
    ),
    "directory: the model's weights are a pickle": Fault(
        "whole", pickle_only, "files", r"pytorch_model\.bin: a pickle"
    ),
    "directory: a pickle in a module": Fault("whole", pickle_below, "files", r"1_Pooling/pytorch_model\.bin: a pickle"),
    "directory: a module from a file": Fault("whole", module_from_a_file, "files", "modules from elsewhere than sent"),
    "directory: a module outside": Fault(
        "whole", module_from_elsewhere, "files", r"outside the directory: \.\./pooling"
    ),
    "directory: the tokenizer asks for code": Fault("whole", remote_code, "files", "asks for code"),
    "directory: trusts remote code": Fault("whole", trusts_code, "files", "asks for code"),
    "directory: broken JSON": Fault("whole", no_json, "files", r"config\.json: cannot be read as JSON"),
}


def _merge(weights: Path, adapter: Mapping[str, Any]) -> None:
    """Adds an adapter of scaling 2 to weights, without PEFT."""

    def add(tensors: dict[str, Any]) -> None:
        for name in [name for name in adapter if name.endswith(".lora_A.weight")]:
            layer = name.removesuffix(".lora_A.weight")
            change = 2 * adapter[f"{layer}.lora_B.weight"] @ adapter[name]
            tensors[f"{layer.removeprefix('base_model.model.')}.weight"] += change

    change_tensors(weights, add)
