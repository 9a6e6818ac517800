"""Adapters that are not what they seem."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from typing import TYPE_CHECKING, Any

from harness.checkpoints import ADAPTER, ADAPTER_CONFIG, WEIGHTS

from .tools import (
    Fault,
    Shop,
    change_config,
    change_json,
    change_tensors,
    empty,
    open_plainly,
    read_tensors_of,
    rename_tensors,
    small_lora,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# --- the weights ------------------------------------------------------------------------------------------------------


def untrained(directory: Path, _: Shop) -> None:
    """Every B is still zero: the training never reached the adapter that was saved.

    Seen with DeepSpeed: https://github.com/huggingface/peft/issues/1402.
    """
    change_tensors(directory / ADAPTER, lambda t: {n: v * 0 if "lora_B" in n else v for n, v in t.items()})


def fresh_second_adapter(directory: Path, shop: Shop) -> None:
    """A second adapter is added to a trained model and the model is saved: what is saved is the active one, the new.

    `PeftAdapterMixin.add_adapter` of transformers makes the new adapter the active one, as its documentation says.
    """
    model = open_plainly(shop.inputs.base.path)
    model.load_adapter(str(shop.adapter))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.add_adapter(small_lora(), "second")
    model.save_pretrained(str(directory), create_model_card=False)


def two_mixed(directory: Path, shop: Shop) -> None:
    """A of one training and B of another: a copy that was interrupted and resumed from the wrong run."""
    other = read_tensors_of(shop.other_adapter / ADAPTER)
    change_tensors(directory / ADAPTER, lambda t: {n: other[n] if "lora_B" in n else v for n, v in t.items()})


def layer_missing(directory: Path, _: Shop) -> None:
    """The tensors of one layer are not in the file; PEFT only warns, and leaves that layer as the base has it.

    The warning: https://github.com/huggingface/peft/pull/2118.
    """
    change_tensors(directory / ADAPTER, lambda t: {n: v for n, v in t.items() if "layer.1." not in n})


def no_name_fits(directory: Path, _: Shop) -> None:
    """Names as the base has them, without PEFT's prefix: nothing is loaded, and the output is the base's.

    Seen in an exporter: https://github.com/redai-studio/Relax/pull/262.
    """
    rename_tensors(directory / ADAPTER, "base_model.model.", "")


def some_names_fit(directory: Path, _: Shop) -> None:
    """One layer under another name, as after a module was renamed between two versions of a library.

    Seen: https://github.com/huggingface/peft/issues/2566.
    """
    rename_tensors(directory / ADAPTER, "layer.1.attention.self", "layer.1.attn.self")


def prefix_twice(directory: Path, _: Shop) -> None:
    """A PeftModel was wrapped by another one, and its state saved by hand: PEFT's prefix stands there twice.

    Seen: the names in https://github.com/huggingface/peft/issues/1337.
    """
    rename_tensors(directory / ADAPTER, "base_model.model.", "base_model.model.base_model.model.")


def adapter_name_in_keys(directory: Path, _: Shop) -> None:
    """The state of the live model, saved by hand: the adapter's name stands in each key.

    Seen: https://github.com/invoke-ai/InvokeAI/pull/9252, where such files were ignored without a word.
    """
    rename_tensors(directory / ADAPTER, ".weight", ".default.weight")


def empty_tensors(directory: Path, _: Shop) -> None:
    """Each tensor has no elements: ZeRO-3 had taken the parameters apart when one process saved them.

    Seen: https://github.com/huggingface/accelerate/issues/3508, https://github.com/huggingface/trl/issues/4416.
    """
    change_tensors(directory / ADAPTER, lambda t: {n: v.new_zeros(0) for n, v in t.items()})


def nan(directory: Path, _: Shop) -> None:
    """A NaN: the loss became one, and the training went on.

    Seen with fp16: https://github.com/Lightning-AI/lit-llama/issues/294.
    """
    change_tensors(directory / ADAPTER, lambda t: _set_first(t, float("nan")))


def infinite(directory: Path, _: Shop) -> None:
    """An infinity: a step that overflowed, saved before the NaN that follows."""
    change_tensors(directory / ADAPTER, lambda t: _set_first(t, float("inf")))


def overflow_in_half(directory: Path, _: Shop) -> None:
    """Cast to float16 to save space, whose largest number is 65504.

    The cast is asked for in https://github.com/huggingface/peft/issues/701.
    """
    change_tensors(directory / ADAPTER, lambda t: {n: (v * 1e6 if "lora_B" in n else v).half() for n, v in t.items()})


def underflow_in_half(directory: Path, _: Shop) -> None:
    """Cast to float16, whose smallest number is 6e-8: a small B, beside a large A, becomes zero."""
    change_tensors(directory / ADAPTER, lambda t: {n: (v * 1e-9 if "lora_B" in n else v).half() for n, v in t.items()})


def hardly_trained(directory: Path, _: Shop) -> None:
    """Trained with a learning rate that is far too small: B is not zero, and does nothing."""
    change_tensors(directory / ADAPTER, lambda t: {n: v * 1e-6 if "lora_B" in n else v for n, v in t.items()})


def truncated(directory: Path, _: Shop) -> None:
    """The end of the file is missing: a download or a copy was interrupted.

    Seen: https://github.com/lyogavin/airllm/issues/137.
    """
    os.truncate(directory / ADAPTER, (directory / ADAPTER).stat().st_size - 100)


def lfs_pointer(directory: Path, _: Shop) -> None:
    """A clone without Git LFS: a few lines of text stand where the weights should be.

    Seen: https://github.com/huggingface/transformers/issues/27923.
    """
    (directory / ADAPTER).write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789\nsize 9000\n", encoding="utf-8"
    )


# --- the configuration ------------------------------------------------------------------------------------------------


def alpha_edited(directory: Path, _: Shop) -> None:
    """Someone turned the adapter up: its update is scaled by alpha / rank, and no tensor tells.

    Asked for: https://github.com/huggingface/peft/issues/1964.
    """
    change_config(directory, lora_alpha=16)


def rslora_edited(directory: Path, _: Shop) -> None:
    """`use_rslora` is edited to make another server take the adapter: the scaling is another one.

    Proposed in https://github.com/vllm-project/vllm/issues/10798.
    """
    change_config(directory, use_rslora=True)


def patterns_reordered(directory: Path, _: Shop) -> None:
    """Two keys of `alpha_pattern` fit one layer; the first counts, and PEFT sorts them when it saves.

    Trained with {"self.query": 8, ".*query": 64}, the layer has alpha 8, and 64 once it was saved and opened. No
    report of it was found: `PeftConfigMixin.save_pretrained` writes its JSON with `sort_keys=True`, and
    `get_pattern_key` takes the first key that matches (PEFT 0.21.2).
    """
    config = small_lora(alpha_pattern={"self.query": 8, ".*query": 64})
    config.base_model_name_or_path = json.loads((directory / ADAPTER_CONFIG).read_text())["base_model_name_or_path"]
    config.save_pretrained(str(directory))


def dora_switched_on(directory: Path, _: Shop) -> None:
    """`use_dora` is set, and the file has no magnitudes: PEFT makes them up from the base, and only warns."""
    change_config(directory, use_dora=True)


def by_dora(directory: Path, shop: Shop) -> None:
    """An adapter with DoRA, saved as it should be: transformers does not load its magnitudes.

    Opened by transformers (`load_adapter`, `SentenceTransformer(DIR)`), the magnitudes are the base's; opened by PEFT,
    they are the trained ones. Transformers 5.23 leaves out the end of the key, `.weight`, that the module has in PEFT
    0.21.2, and prints it in a table. Diffusers had the same: https://github.com/huggingface/diffusers/pull/7371.
    """
    base = read_tensors_of(shop.inputs.base.path / WEIGHTS)

    def add_magnitudes(tensors: dict[str, Any]) -> None:
        # The lengths that the rows have anyway: merged by PEFT, it is the same model as before.
        for layer in [name.removesuffix(".lora_A.weight") for name in tensors if name.endswith(".lora_A.weight")]:
            change = 2 * tensors[f"{layer}.lora_B.weight"] @ tensors[f"{layer}.lora_A.weight"]
            after = base[f"{layer.removeprefix('base_model.model.')}.weight"] + change
            tensors[f"{layer}.lora_magnitude_vector"] = after.norm(dim=1)

    change_tensors(directory / ADAPTER, add_magnitudes)
    change_config(directory, use_dora=True)


def rank_edited(directory: Path, _: Shop) -> None:
    """Another rank in the configuration than the tensors have.

    PEFT says so: https://github.com/huggingface/peft/issues/276.
    """
    change_config(directory, r=8)


def rank_zero(directory: Path, _: Shop) -> None:
    """A rank that is none."""
    change_config(directory, r=0)


def rank_negative(directory: Path, _: Shop) -> None:
    """A rank below zero, in a pattern where it is not looked for."""
    change_config(directory, rank_pattern={"query": -4})


def alpha_zero(directory: Path, _: Shop) -> None:
    """Alpha zero switches an adapter off for good: it opens without a word, and the output is the base's."""
    change_config(directory, lora_alpha=0)


def alpha_infinite(directory: Path, _: Shop) -> None:
    """Alpha is `Infinity`, which Python's JSON reads as a number."""
    change_config(directory, lora_alpha=float("inf"))


def no_target_exists(directory: Path, _: Shop) -> None:
    """Module names of another architecture: PEFT refuses to open it.

    Seen: https://github.com/huggingface/peft/issues/1206.
    """
    change_config(directory, target_modules=["q_proj"])


def one_target_missing(directory: Path, _: Shop) -> None:
    """One name too many, that the base does not have: PEFT is content with the others.

    Seen: https://github.com/huggingface/peft/issues/1959.
    """
    change_config(directory, target_modules=["query", "value", "v_proj"])


def target_left_out(directory: Path, _: Shop) -> None:
    """A target module was taken out of the configuration: its tensors stay in the file, and are not used."""
    change_config(directory, target_modules=["query"])


def config_of_another(directory: Path, _: Shop) -> None:
    """The configuration of another adapter of the same rank, copied over this one's."""
    change_config(directory, target_modules=["key", "dense"], lora_alpha=32)


def layers_left_out(directory: Path, _: Shop) -> None:
    """`layers_to_transform` takes only the first layer; the tensors of the other are not used."""
    change_config(directory, layers_to_transform=[0])


def pissa_not_converted(directory: Path, _: Shop) -> None:
    """PiSSA moves a part of the base into the adapter: put on the untouched base, that part counts twice.

    Its authors and PEFT on the conversion: https://github.com/huggingface/peft/pull/1626; seen going wrong:
    https://github.com/huggingface/peft/issues/1929.
    """
    change_config(directory, init_lora_weights="pissa")


def other_method(directory: Path, _: Shop) -> None:
    """Another method of PEFT, of which the gate knows no formula."""
    change_config(directory, peft_type="LOHA")


def unknown_variant(directory: Path, _: Shop) -> None:
    """A variant of LoRA that changes the model by more than B x A: a bias on B (`lora_bias`)."""
    change_config(directory, lora_bias=True)


def variant_of_the_future(directory: Path, _: Shop) -> None:
    """A switch that today's PEFT does not know: it is ignored, with a warning at the most.

    PEFT drops unknown keys so that older versions open newer files: https://github.com/huggingface/peft/pull/2038.
    """
    change_config(directory, use_tomorrows_lora=True)


def quantised_base(directory: Path, _: Shop) -> None:
    """LoftQ trains on a quantised base, and corrects the base for it."""
    change_config(directory, init_lora_weights="loftq", loftq_config={"loftq_bits": 4})


def on_embeddings(directory: Path, shop: Shop) -> None:
    """LoRA on the word embeddings, whose tensors have other names and other formulas."""
    from peft import get_peft_model

    empty(directory)
    transformer: Any = open_plainly(shop.inputs.base.path).transformers_model
    get_peft_model(transformer, small_lora(target_modules=["word_embeddings"])).save_pretrained(str(directory))


def trained_tokens(directory: Path, shop: Shop) -> None:
    """Single rows of the embeddings are trained beside LoRA (`trainable_token_indices`)."""
    change_config(directory, trainable_token_indices={"word_embeddings": [1, 2]})


def modules_lost_from_config(directory: Path, _: Shop) -> None:
    """`modules_to_save` is not in the configuration: what was trained whole is left to chance.

    Seen: https://github.com/huggingface/peft/issues/577, where `list.append` returned the None that was passed.
    """
    change_config(directory, modules_to_save=None)


def modules_lost_from_file(directory: Path, _: Shop) -> None:
    """`modules_to_save` is in the configuration, and its tensors are not in the file.

    Seen: https://github.com/unslothai/unsloth/pull/3317; and where the file had them, they were not opened:
    https://github.com/huggingface/sentence-transformers/issues/3980.
    """
    change_tensors(directory / ADAPTER, lambda t: {n: v for n, v in t.items() if "lora_" in n})


def patterns_of_a_wrong_kind(directory: Path, _: Shop) -> None:
    """A list where an object is expected."""
    change_config(directory, rank_pattern=["query", 8])


# --- the directory ----------------------------------------------------------------------------------------------------


def nothing(directory: Path, _: Shop) -> None:
    """An empty directory: the upload of the artefact failed."""
    empty(directory)


def a_whole_model(directory: Path, shop: Shop) -> None:
    """A whole model, passed as an adapter."""
    empty(directory)
    shutil.copytree(shop.whole, directory, dirs_exist_ok=True)


def both(directory: Path, shop: Shop) -> None:
    """An adapter and a whole model in one directory: libraries open one of the two, and not all the same one.

    Seen: https://github.com/huggingface/peft/issues/1381.
    """
    for name in (WEIGHTS, "config.json"):
        shutil.copy(shop.whole / name, directory)


def under_its_name(directory: Path, shop: Shop) -> None:
    """An adapter with a name of its own: PEFT saves it in a directory of that name.

    `PeftModel.save_pretrained` does so for every name but `default`.
    """
    from peft import get_peft_model

    empty(directory)
    transformer: Any = open_plainly(shop.inputs.base.path).transformers_model
    get_peft_model(transformer, small_lora(), adapter_name="style").save_pretrained(str(directory))


def pickle_only(directory: Path, _: Shop) -> None:
    """The weights as a pickle, as PEFT wrote them before it had safetensors.

    https://github.com/huggingface/peft/pull/553.
    """
    (directory / ADAPTER).unlink()
    (directory / "adapter_model.bin").write_bytes(b"never opened")


def pickle_beside(directory: Path, _: Shop) -> None:
    """A pickle beside good safetensors: another version or another tool opens that one.

    PEFT looks for safetensors first, and then for the pickle: https://github.com/huggingface/peft/pull/553.
    """
    (directory / "adapter_model.bin").write_bytes(b"never opened")


def pickle_linked(directory: Path, _: Shop) -> None:
    """A pickle that lies elsewhere, under a link in capitals: some file systems do not tell them apart."""
    target = directory.parent / "elsewhere"
    target.write_bytes(b"never opened")
    (directory / "adapter_model.BIN").symlink_to(target)


def checkpoint_of_the_trainer(directory: Path, _: Shop) -> None:
    """A checkpoint of the trainer, passed as it lies there, with the optimizer's state and the arguments as pickles."""
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin"):
        (directory / name).write_bytes(b"never opened")


def directory_linked(directory: Path, _: Shop) -> None:
    """A module's directory is a link to one elsewhere, which can change after the gate."""
    target = directory.parent / "elsewhere"
    (directory / "1_Pooling").rename(target)
    (directory / "1_Pooling").symlink_to(target, target_is_directory=True)


def imports_a_module(directory: Path, _: Shop) -> None:
    """The configuration names a Python module, which PEFT imports.

    `auto_mapping.parent_library`, before PEFT had a list of what it imports:
    https://github.com/huggingface/peft/issues/3085.
    """
    change_config(directory, auto_mapping={"base_model_class": "Model", "parent_library": "antigravity"})


def imports_megatron(directory: Path, _: Shop) -> None:
    """The other place where PEFT imports what the configuration names, as soon as `megatron_config` is set.

    https://github.com/huggingface/transformers/pull/46482.
    """
    change_config(directory, megatron_config={"hidden_size": 32}, megatron_core="antigravity")


def remote_code(directory: Path, _: Shop) -> None:
    """The configuration of a model asks for code that comes with it (`auto_map`)."""
    change_json(directory / "config.json", auto_map={"AutoModel": "modeling_mine.MyModel"})


ADAPTERS: Mapping[str, Fault] = {
    "adapter: B is zero, it was never trained": Fault("adapter", untrained, "weights", "every B x A is zero"),
    "adapter: a new one was saved instead of the trained one": Fault(
        "adapter without record", fresh_second_adapter, "weights", "every B x A is zero"
    ),
    "adapter: A of one training, B of another": Fault(
        "adapter", two_mixed, "trained", "not the model that was trained"
    ),
    "adapter: A of one training, B of another, nothing recorded": Fault(
        "adapter without record", two_mixed, "trained", "record it .*record_training", "inconclusive"
    ),
    "adapter: the tensors of a layer are missing": Fault("adapter", layer_missing, "whole", r"missing \S*layer\.1\."),
    "adapter: no tensor's name fits": Fault("adapter", no_name_fits, "whole", "missing base_model.*unexpected encoder"),
    "adapter: some tensors' names fit": Fault("adapter", some_names_fit, "whole", r"unexpected \S*layer\.1\.attn\."),
    "adapter: PEFT's prefix stands twice": Fault(
        "adapter", prefix_twice, "whole", r"unexpected base_model\.model\.base_model\."
    ),
    "adapter: the adapter's name stands in the keys": Fault(
        "adapter", adapter_name_in_keys, "files", r"lora_A\.default\.weight.*not a LoRA matrix"
    ),
    "adapter: tensors without elements": Fault("adapter", empty_tensors, "files", "not a matrix"),
    "adapter: a NaN": Fault("adapter", nan, "whole", r"NaN or infinite values in \S*lora_A"),
    "adapter: an infinity": Fault("adapter", infinite, "whole", r"NaN or infinite values in \S*lora_A"),
    "adapter: overflow in half precision": Fault(
        "adapter", overflow_in_half, "whole", r"NaN or infinite values in \S*lora_B"
    ),
    "adapter: underflow in half precision": Fault("adapter", underflow_in_half, "weights", "every B x A is zero"),
    "adapter: hardly trained": Fault("adapter without record", hardly_trained, "diverges", "expected at least"),
    "adapter: the file is cut off": Fault("adapter", truncated, "files", "cannot be read as safetensors"),
    "adapter: a Git LFS pointer instead of the file": Fault(
        "adapter", lfs_pointer, "files", "cannot be read as safetensors"
    ),
    "config: alpha edited": Fault("adapter", alpha_edited, "trained", "not the model that was trained"),
    "config: alpha edited, nothing recorded": Fault(
        "adapter without record", alpha_edited, "trained", "record it .*record_training", "inconclusive"
    ),
    "config: rsLoRA switched on": Fault("adapter", rslora_edited, "trained", "not the model that was trained"),
    "config: alpha_pattern sorted when it was saved": Fault(
        "adapter", patterns_reordered, "trained", "not the model that was trained"
    ),
    "config: DoRA switched on": Fault("adapter", dora_switched_on, "whole", r"missing \S*lora_magnitude_vector"),
    "adapter: by DoRA, which transformers opens as another model": Fault(
        "adapter", by_dora, "ways", r"SentenceTransformer\.load_adapter gives other embeddings than PeftModel"
    ),
    "config: rank edited": Fault("adapter", rank_edited, "whole", r"does not fit its base.*size mismatch"),
    "config: rank zero": Fault("adapter", rank_zero, "files", "rank r is 0; expected a whole number from 1"),
    "config: a negative rank in a pattern": Fault("adapter", rank_negative, "files", r"rank rank_pattern\.query is -4"),
    "config: alpha zero, an adapter switched off": Fault("adapter", alpha_zero, "files", "alpha lora_alpha is 0"),
    "config: alpha infinite": Fault("adapter", alpha_infinite, "files", "alpha lora_alpha is inf"),
    "config: no target module exists": Fault(
        "adapter", no_target_exists, "whole", "does not fit its base: Target modules"
    ),
    "config: one target module does not exist": Fault(
        "adapter", one_target_missing, "whole", "the base has no module v_proj"
    ),
    "config: a target module left out": Fault("adapter", target_left_out, "whole", r"unexpected \S*value\.lora_A"),
    "config: of another adapter": Fault("adapter", config_of_another, "whole", "missing .*; unexpected"),
    "config: a layer left out": Fault("adapter", layers_left_out, "whole", r"unexpected \S*layer\.1\."),
    "config: PiSSA, not converted": Fault("adapter", pissa_not_converted, "files", "init_lora_weights is 'pissa'"),
    "config: another method than LoRA": Fault("adapter", other_method, "files", "peft_type is 'LOHA'; only LORA"),
    "config: a variant of LoRA that is not supported": Fault(
        "adapter", unknown_variant, "files", "lora_bias: changes the model"
    ),
    "config: a switch that is not known": Fault(
        "adapter", variant_of_the_future, "files", "use_tomorrows_lora: changes the model"
    ),
    "config: LoftQ": Fault("adapter", quantised_base, "files", "loftq_config: changes the model"),
    "adapter: on the embeddings": Fault("adapter", on_embeddings, "files", "lora_embedding_A.*not a LoRA matrix"),
    "config: trained tokens": Fault("adapter", trained_tokens, "files", "trainable_token_indices: changes the model"),
    "config: modules_to_save lost": Fault(
        "adapter with modules_to_save", modules_lost_from_config, "whole", r"unexpected \S*pooler\.dense"
    ),
    "adapter: the tensors of modules_to_save lost": Fault(
        "adapter with modules_to_save", modules_lost_from_file, "whole", r"no tensor \S*pooler\.dense"
    ),
    "config: a list instead of an object": Fault(
        "adapter", patterns_of_a_wrong_kind, "files", "rank_pattern: expected a JSON object"
    ),
    "directory: empty": Fault("adapter", nothing, "files", r"no adapter_config\.json .*found: nothing"),
    "directory: a whole model": Fault("adapter", a_whole_model, "files", "gate it with --full-model"),
    "directory: an adapter and a whole model": Fault("adapter", both, "files", "a whole model, not an adapter alone"),
    "directory: the adapter lies below, under its name": Fault("adapter", under_its_name, "files", r"found: .*style"),
    "directory: the weights are a pickle": Fault("adapter", pickle_only, "files", r"adapter_model\.bin: a pickle"),
    "directory: a pickle beside the weights": Fault("adapter", pickle_beside, "files", r"adapter_model\.bin: a pickle"),
    "directory: a link to a pickle": Fault("adapter", pickle_linked, "files", r"adapter_model\.BIN: a pickle"),
    "directory: a checkpoint of the trainer": Fault(
        "adapter", checkpoint_of_the_trainer, "files", r"optimizer\.pt.*a pickle"
    ),
    "directory: a link to a directory": Fault("adapter", directory_linked, "files", "1_Pooling: a link to a directory"),
    "config: imports a module": Fault("adapter", imports_a_module, "files", "parent_library is 'antigravity'"),
    "config: imports a module for Megatron": Fault("adapter", imports_megatron, "files", "megatron_config: changes"),
    "directory: asks for code that comes with it": Fault("adapter", remote_code, "files", "asks for code"),
}


def _set_first(tensors: dict[str, Any], value: float) -> None:
    tensors[min(tensors)][0, 0] = value
