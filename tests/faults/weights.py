"""Adapters whose weights are not what they seem. A comment says how each comes about, and where it was seen."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from harness.models import ADAPTER

from .tools import (
    ANOTHER_MODEL,
    RECORD_IT,
    UNRECORDED,
    Fault,
    change_tensors,
    cut_off,
    dropped,
    first_value,
    in_half,
    in_turn,
    read_tensors_of,
    renamed,
    scaled,
    small_lora,
    tensors,
    text_file,
    with_adapter,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .tools import Shop

_ZERO = "every B x A is zero"


def _second_adapter_added(directory: Path, shop: Shop) -> None:
    model = with_adapter(shop)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.add_adapter(small_lora(), "second")
    model.save_pretrained(str(directory), create_model_card=False)


def _mixed(directory: Path, shop: Shop) -> None:
    other = read_tensors_of(shop.other_adapter / ADAPTER)
    change_tensors(directory / ADAPTER, lambda found: {n: other[n] if "lora_B" in n else v for n, v in found.items()})


WEIGHTS_OF_ADAPTERS: Mapping[str, Fault] = {
    # The training never reached the adapter that was saved.
    # Seen with DeepSpeed: https://github.com/huggingface/peft/issues/1402.
    "adapter: B is zero, it was never trained": Fault(scaled("lora_B", 0), "exact_merge", _ZERO),
    # A second adapter is added to a trained model and the model is saved: what is saved is the active one, the new.
    # `PeftAdapterMixin.add_adapter` of transformers makes the new adapter the active one, as its documentation says.
    "adapter: a new one was saved instead of the trained one": Fault(
        _second_adapter_added, "exact_merge", _ZERO, good=UNRECORDED
    ),
    # A copy that was interrupted and resumed from the wrong run.
    "adapter: A of one training, B of another": Fault(_mixed, "record", ANOTHER_MODEL),
    "adapter: A of one training, B of another, nothing recorded": Fault(
        _mixed, "record", RECORD_IT, good=UNRECORDED, outcome="inconclusive"
    ),
    # PEFT only warns, and leaves that layer as the base has it: https://github.com/huggingface/peft/pull/2118.
    "adapter: the tensors of a layer are missing": Fault(dropped("layer.1."), "complete", r"missing \S*layer\.1\."),
    # Names as the base has them, without PEFT's prefix: nothing is loaded, and the output is the base's.
    # Seen in an exporter: https://github.com/redai-studio/Relax/pull/262.
    "adapter: no tensor's name fits": Fault(
        renamed("base_model.model.", ""), "complete", "missing base_model.*unexpected encoder"
    ),
    # One layer under another name, as after a module was renamed between two versions of a library.
    # Seen: https://github.com/huggingface/peft/issues/2566.
    "adapter: some tensors' names fit": Fault(
        renamed("layer.1.attention.self", "layer.1.attn.self"), "complete", r"unexpected \S*layer\.1\.attn\."
    ),
    # A PeftModel was wrapped by another one, and its state saved by hand.
    # Seen: the names in https://github.com/huggingface/peft/issues/1337.
    "adapter: PEFT's prefix stands twice": Fault(
        renamed("base_model.model.", "base_model.model.base_model.model."),
        "complete",
        r"unexpected base_model\.model\.base_model\.",
    ),
    # The state of the live model, saved by hand.
    # Seen: https://github.com/invoke-ai/InvokeAI/pull/9252, where such files were ignored without a word.
    "adapter: the adapter's name stands in the keys": Fault(
        renamed(".weight", ".default.weight"), "files", r"lora_A\.default\.weight.*not a LoRA matrix"
    ),
    # ZeRO-3 had taken the parameters apart when one process saved them.
    # Seen: https://github.com/huggingface/accelerate/issues/3508, https://github.com/huggingface/trl/issues/4416.
    "adapter: tensors without elements": Fault(tensors(lambda _, tensor: tensor.new_zeros(0)), "files", "not a matrix"),
    # The loss became one, and the training went on.
    # Seen with fp16: https://github.com/Lightning-AI/lit-llama/issues/294.
    "adapter: a NaN": Fault(first_value(float("nan")), "complete", r"NaN or infinite values in \S*lora_A"),
    # A step that overflowed, saved before the NaN that follows.
    "adapter: an infinity": Fault(first_value(float("inf")), "complete", r"NaN or infinite values in \S*lora_A"),
    # Cast to float16 to save space, whose largest number is 65504.
    # The cast is asked for in https://github.com/huggingface/peft/issues/701.
    "adapter: overflow in half precision": Fault(
        in_turn(scaled("lora_B", 1e6), in_half()), "complete", r"NaN or infinite values in \S*lora_B"
    ),
    # Cast to float16, whose smallest number is 6e-8: a small B, beside a large A, becomes zero.
    "adapter: underflow in half precision": Fault(in_turn(scaled("lora_B", 1e-9), in_half()), "exact_merge", _ZERO),
    # Trained with a learning rate that is far too small: B is not zero, and does nothing.
    "adapter: hardly trained": Fault(scaled("lora_B", 1e-6), "diverges", "expected at least", good=UNRECORDED),
    # A download or a copy was interrupted. Seen: https://github.com/lyogavin/airllm/issues/137.
    "adapter: the file is cut off": Fault(cut_off(ADAPTER), "files", "cannot be read as safetensors"),
    # A clone without Git LFS: a few lines of text stand where the weights should be.
    # Seen: https://github.com/huggingface/transformers/issues/27923.
    "adapter: a Git LFS pointer instead of the file": Fault(
        text_file(ADAPTER, "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789\nsize 9000\n"),
        "files",
        "cannot be read as safetensors",
    ),
}
