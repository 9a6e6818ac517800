"""Adapters whose files are not what they seem. A comment says how each comes about, and where it was seen."""

import warnings
from collections.abc import Mapping
from typing import Any

from harness.models import ADAPTER, WEIGHTS

from .tools import (
    ANOTHER_MODEL,
    RECORD_IT,
    Fault,
    change_tensors,
    config,
    copied,
    cut_off,
    dropped,
    empty,
    first_value,
    in_half,
    in_turn,
    json_file,
    open_plainly,
    pickle,
    read_tensors_of,
    renamed,
    scaled,
    small_lora,
    taken_away,
    tensors,
    text_file,
    unrecorded,
    unsure,
    with_adapter,
)

_ZERO = "every B x A is zero"
_NAN = r"NaN or infinite values in \S*lora_[AB]"
_UNREADABLE = "cannot be read as safetensors"
_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789\nsize 9000\n"


def _second_adapter_added(directory, shop):
    model = with_adapter(shop)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.add_adapter(small_lora(), "second")
    model.save_pretrained(str(directory), create_model_card=False)


def _mixed(directory, shop):
    other = read_tensors_of(shop.other_adapter / ADAPTER)
    change_tensors(directory / ADAPTER, lambda found: {n: other[n] if "lora_B" in n else v for n, v in found.items()})


def _under_its_name(directory, shop):
    from peft import get_peft_model

    empty(directory, shop)
    transformer: Any = open_plainly(shop.inputs.base.path).transformers_model
    get_peft_model(transformer, small_lora(), adapter_name="style").save_pretrained(str(directory))


def _with_dense(directory, shop):
    from sentence_transformers.sentence_transformer import modules

    model = with_adapter(shop)
    model.insert(2, modules.Dense(32, 32))
    model.save_pretrained(str(directory), create_model_card=False)


def _with_the_head_of_a_classifier(directory, _):
    head = "base_model.model.classifier.weight"
    change_tensors(directory / ADAPTER, lambda found: found | {head: found[min(found)].clone()})


def _link_to_a_pickle(directory, _):
    target = directory.parent / "elsewhere"
    target.write_bytes(b"never opened")
    (directory / "adapter_model.BIN").symlink_to(target)


def _link_to_a_directory(directory, _):
    target = directory.parent / "elsewhere"
    (directory / "1_Pooling").rename(target)
    (directory / "1_Pooling").symlink_to(target, target_is_directory=True)


WEIGHTS_OF_ADAPTERS: Mapping[str, Fault] = {
    # The training never reached the adapter that was saved.
    # Seen with DeepSpeed: https://github.com/huggingface/peft/issues/1402.
    "adapter: B is zero, it was never trained": Fault(scaled("lora_B", 0), "exact_merge", _ZERO),
    # A second adapter is added to a trained model and the model is saved: what is saved is the active one, the new.
    # `PeftAdapterMixin.add_adapter` of transformers makes the new adapter the active one, as its documentation says.
    "adapter: a new one was saved instead of the trained one": unrecorded(_second_adapter_added, "exact_merge", _ZERO),
    # A copy that was interrupted and resumed from the wrong run.
    "adapter: A of one training, B of another": Fault(_mixed, "record", ANOTHER_MODEL),
    "adapter: A of one training, B of another, nothing recorded": unsure(_mixed, "record", RECORD_IT),
    # PEFT only warns, and leaves that layer as the base has it: https://github.com/huggingface/peft/pull/2118.
    "adapter: the tensors of a layer are missing": Fault(dropped("layer.1."), "complete", r"missing \S*layer\.1\."),
    # Trained as a classifier or a reranker: its head is in the file, and a model of embeddings has no place for it.
    # Seen with a CrossEncoder: https://github.com/huggingface/sentence-transformers/issues/3980.
    "adapter: with the head of a classifier": Fault(
        _with_the_head_of_a_classifier, "complete", r"classifier\.weight: of a head that is not restored"
    ),
    # Trained beside the adapter. Put on its base, the adapter comes without it.
    "adapter: with a Dense layer that its base has not": Fault(
        _with_dense, "complete", r"2_Dense: .*unexpected linear\.bias, linear\.weight"
    ),
    # Names as the base has them, without PEFT's prefix: nothing is loaded, and the output is the base's.
    # Seen in an exporter: https://github.com/redai-studio/Relax/pull/262.
    "adapter: no tensor's name fits": Fault(renamed("base_model.model.", ""), "complete", "unexpected encoder"),
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
        renamed(".weight", ".default.weight"), "files", r"lora_A\.default\.weight.*not LoRA on a linear layer"
    ),
    # ZeRO-3 had taken the parameters apart when one process saved them.
    # Seen: https://github.com/huggingface/accelerate/issues/3508, https://github.com/huggingface/trl/issues/4416.
    "adapter: tensors without elements": Fault(
        tensors(lambda _, tensor: tensor.new_zeros(0)), "files", "tensors are empty"
    ),
    "adapter: an empty file": Fault(text_file(ADAPTER, ""), "files", "it is empty; save or upload it again"),
    # The loss became one, and the training went on.
    # Seen with fp16: https://github.com/Lightning-AI/lit-llama/issues/294.
    "adapter: a NaN": Fault(first_value(float("nan")), "complete", _NAN),
    # A step that overflowed, saved before the NaN that follows.
    "adapter: an infinity": Fault(first_value(float("inf")), "complete", _NAN),
    # Cast to float16 to save space, whose largest number is 65504.
    # The cast is asked for in https://github.com/huggingface/peft/issues/701.
    "adapter: overflow in half precision": Fault(in_turn(scaled("lora_B", 1e6), in_half()), "complete", _NAN),
    # Cast to float16, whose smallest number is 6e-8: a small B, beside a large A, becomes zero.
    "adapter: underflow in half precision": Fault(in_turn(scaled("lora_B", 1e-9), in_half()), "exact_merge", _ZERO),
    # Trained with a learning rate that is far too small: B is not zero, and does nothing.
    "adapter: hardly trained": unrecorded(scaled("lora_B", 1e-6), "diverges", "expected at least"),
    # A download or a copy was interrupted. Seen: https://github.com/lyogavin/airllm/issues/137.
    "adapter: the file is cut off": Fault(cut_off(ADAPTER), "files", _UNREADABLE),
    # A clone without Git LFS: a few lines of text stand where the weights should be.
    # Seen: https://github.com/huggingface/transformers/issues/27923.
    "adapter: a Git LFS pointer instead of the file": Fault(
        text_file(ADAPTER, _POINTER), "files", r"adapter_model\.safetensors: a Git LFS pointer"
    ),
}

DIRECTORIES: Mapping[str, Fault] = {
    # The upload of the artefact failed.
    "directory: empty": Fault(empty, "files", r"no adapter_config\.json .*found: nothing"),
    "directory: a whole model": Fault(in_turn(empty, copied(lambda shop: shop.whole)), "files", "with --full-model"),
    # Libraries open one of the two, and not all the same one. Seen: https://github.com/huggingface/peft/issues/1381.
    "directory: an adapter and a whole model": Fault(
        copied(lambda shop: shop.whole, WEIGHTS, "config.json"), "files", "not an adapter alone"
    ),
    # `PeftModel.save_pretrained` saves an adapter of any name but `default` in a directory of that name.
    "directory: the adapter lies below, under its name": Fault(_under_its_name, "files", "but in style; give"),
    # As PEFT wrote them before it had safetensors: https://github.com/huggingface/peft/pull/553.
    "directory: the weights are a pickle": Fault(
        in_turn(taken_away(ADAPTER), pickle("adapter_model.bin")),
        "files",
        r"adapter_model\.bin: a pickle",
    ),
    # Another version or another tool opens that one. PEFT looks for safetensors first, and then for the pickle:
    # https://github.com/huggingface/peft/pull/553.
    "directory: a pickle beside the weights": Fault(
        pickle("adapter_model.bin"), "files", r"adapter_model\.bin: a pickle"
    ),
    "directory: a Git LFS pointer instead of the tokenizer": Fault(
        text_file("tokenizer.json", _POINTER), "files", r"tokenizer\.json: a Git LFS pointer"
    ),
    # Nothing ends reading one. Copies of the directory would fill the disk.
    "directory: a link to a device": Fault(
        lambda directory, _: (directory / "notes.txt").symlink_to("/dev/zero"), "files", "notes.txt: no regular file"
    ),
    # In capitals: some file systems do not tell them apart.
    "directory: a link to a pickle": Fault(_link_to_a_pickle, "files", r"adapter_model\.BIN: a pickle"),
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
        config(megatron_config={"hidden_size": 32}, megatron_core="antigravity"), "files", "megatron_config: imports"
    ),
    "directory: asks for code that comes with it": Fault(
        json_file("config.json", auto_map={"AutoModel": "modeling_mine.MyModel"}), "files", "asks for code"
    ),
}
