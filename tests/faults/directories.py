"""Directories that hold something else than an adapter, or that would run code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.models import ADAPTER, WEIGHTS

from .tools import Fault, config, copied, empty, in_turn, json_file, open_plainly, small_lora, taken_away, text_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .tools import Shop

_PICKLES = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin")


def _under_its_name(directory: Path, shop: Shop) -> None:
    from peft import get_peft_model

    transformer: Any = open_plainly(shop.inputs.base.path).transformers_model
    get_peft_model(transformer, small_lora(), adapter_name="style").save_pretrained(str(directory))


def _link_to_a_pickle(directory: Path, _: Shop) -> None:
    target = directory.parent / "elsewhere"
    target.write_bytes(b"never opened")
    (directory / "adapter_model.BIN").symlink_to(target)


def _link_to_a_directory(directory: Path, _: Shop) -> None:
    target = directory.parent / "elsewhere"
    (directory / "1_Pooling").rename(target)
    (directory / "1_Pooling").symlink_to(target, target_is_directory=True)


DIRECTORIES: Mapping[str, Fault] = {
    # The upload of the artefact failed.
    "directory: empty": Fault(empty, "files", r"no adapter_config\.json .*found: nothing"),
    "directory: a whole model": Fault(
        in_turn(empty, copied(lambda shop: shop.whole)), "files", "gate it with --full-model"
    ),
    # Libraries open one of the two, and not all the same one. Seen: https://github.com/huggingface/peft/issues/1381.
    "directory: an adapter and a whole model": Fault(
        copied(lambda shop: shop.whole, WEIGHTS, "config.json"), "files", "a whole model, not an adapter alone"
    ),
    # `PeftModel.save_pretrained` saves an adapter of any name but `default` in a directory of that name.
    "directory: the adapter lies below, under its name": Fault(
        in_turn(empty, _under_its_name), "files", r"found: .*style"
    ),
    # As PEFT wrote them before it had safetensors: https://github.com/huggingface/peft/pull/553.
    "directory: the weights are a pickle": Fault(
        in_turn(taken_away(ADAPTER), text_file("adapter_model.bin", "never opened")),
        "files",
        r"adapter_model\.bin: a pickle",
    ),
    # Another version or another tool opens that one. PEFT looks for safetensors first, and then for the pickle:
    # https://github.com/huggingface/peft/pull/553.
    "directory: a pickle beside the weights": Fault(
        text_file("adapter_model.bin", "never opened"), "files", r"adapter_model\.bin: a pickle"
    ),
    # In capitals: some file systems do not tell them apart.
    "directory: a link to a pickle": Fault(_link_to_a_pickle, "files", r"adapter_model\.BIN: a pickle"),
    # As it lies there, with the optimizer's state and the arguments as pickles.
    "directory: a checkpoint of the trainer": Fault(
        in_turn(*(text_file(name, "never opened") for name in _PICKLES)), "files", r"optimizer\.pt.*a pickle"
    ),
    # What lies there can change after the gate.
    "directory: a link to a directory": Fault(_link_to_a_directory, "files", "1_Pooling: a link to a directory"),
    # PEFT imports `auto_mapping.parent_library`; before it had a list of what it imports, any module:
    # https://github.com/huggingface/peft/issues/3085.
    "config: imports a module": Fault(
        config(auto_mapping={"base_model_class": "Model", "parent_library": "antigravity"}),
        "files",
        "parent_library is 'antigravity'",
    ),
    # The other place where PEFT imports what the configuration names, as soon as `megatron_config` is set.
    # https://github.com/huggingface/transformers/pull/46482.
    "config: imports a module for Megatron": Fault(
        config(megatron_config={"hidden_size": 32}, megatron_core="antigravity"), "files", "megatron_config: changes"
    ),
    "directory: asks for code that comes with it": Fault(
        json_file("config.json", auto_map={"AutoModel": "modeling_mine.MyModel"}), "files", "asks for code"
    ),
}
