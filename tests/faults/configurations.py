"""Adapters whose configuration is not the one of their weights, or that nobody can verify."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from harness.models import ADAPTER, ADAPTER_CONFIG, WEIGHTS

from .methods import METHODS
from .tools import (
    ANOTHER_MODEL,
    RECORD_IT,
    Fault,
    adapted_layers,
    change_tensors,
    config,
    dropped,
    empty,
    in_turn,
    open_plainly,
    read_tensors_of,
    small_lora,
    unrecorded,
    unsure,
)


def _patterns_reordered(directory, _):
    reordered = small_lora(alpha_pattern={"self.query": 8, ".*query": 64})
    reordered.base_model_name_or_path = json.loads((directory / ADAPTER_CONFIG).read_text())["base_model_name_or_path"]
    reordered.save_pretrained(str(directory))


def _add_magnitudes(directory, shop):
    # The lengths that the rows have anyway: merged by PEFT, it is the same model as before.
    base, adapter = (read_tensors_of(path) for path in (shop.inputs.base.path / WEIGHTS, directory / ADAPTER))
    for layer, change in adapted_layers(adapter).items():
        weight = base[f"{layer.removeprefix('base_model.model.')}.weight"]
        adapter[f"{layer}.lora_magnitude_vector"] = (weight + change).norm(dim=1)
    change_tensors(directory / ADAPTER, lambda _: adapter)


def _on_embeddings(directory, shop):
    from peft import get_peft_model

    empty(directory, shop)
    transformer: Any = open_plainly(shop.inputs.base.path).transformers_model
    get_peft_model(transformer, small_lora(target_modules=["word_embeddings"])).save_pretrained(str(directory))


def _spoil(directory, _):
    def spoil(found):
        return {**found, max(found): -found[max(found)]}

    change_tensors(directory / ADAPTER, spoil)


_saved = partial(Fault, good="adapter with modules_to_save")

CONFIGURATIONS: Mapping[str, Fault] = {
    # Someone turned the adapter up: its update is scaled by alpha / rank, and no tensor tells.
    # Asked for: https://github.com/huggingface/peft/issues/1964.
    "config: alpha edited": Fault(config(lora_alpha=16), "record", ANOTHER_MODEL),
    "config: alpha edited, nothing recorded": unsure(config(lora_alpha=16), "record", RECORD_IT),
    # Edited to make another server take the adapter: the scaling is another one.
    # Proposed in https://github.com/vllm-project/vllm/issues/10798.
    "config: rsLoRA switched on": Fault(config(use_rslora=True), "record", ANOTHER_MODEL),
    # Two keys fit one layer, and the first counts. Trained with {"self.query": 8, ".*query": 64}, the layer has alpha
    # 8, and 64 once it was saved and opened. No report of it was found: `PeftConfigMixin.save_pretrained` writes its
    # JSON with `sort_keys=True`, and `get_pattern_key` takes the first key that matches (PEFT 0.21.2).
    "config: alpha_pattern sorted when it was saved": Fault(_patterns_reordered, "record", ANOTHER_MODEL),
    # The file has no magnitudes: PEFT makes them up from the base, and only warns.
    "config: DoRA switched on": Fault(config(use_dora=True), "complete", r"missing \S*lora_magnitude_vector"),
    # Opened by transformers (`load_adapter`, `SentenceTransformer(DIR)`), the magnitudes are the base's; by PEFT, they
    # are the trained ones. Transformers 5.23 leaves out the end of the key, `.weight`, that the module has in PEFT
    # 0.21.2, and prints it in a table. Diffusers had the same: https://github.com/huggingface/diffusers/pull/7371.
    "adapter: by DoRA, which transformers opens as another model": Fault(
        in_turn(_add_magnitudes, config(use_dora=True)),
        "load_paths",
        r"SentenceTransformer\.load_adapter gives other embeddings than PeftModel",
    ),
    # Another rank than the tensors have. PEFT says so: https://github.com/huggingface/peft/issues/276.
    "config: rank edited": Fault(config(r=8), "complete", r"does not fit its base.*size mismatch"),
    "config: rank zero": Fault(config(r=0), "files", "rank r is 0; expected a whole number from 1"),
    # In a pattern where it is not looked for.
    "config: a negative rank in a pattern": Fault(
        config(rank_pattern={"query": -4}), "files", r"rank_pattern\.query is -4"
    ),
    "config: a rank that no memory holds": Fault(config(r=10**9), "files", r"rank r is 1000000000; expected at most"),
    "config: alpha of 400 digits": Fault(config(lora_alpha=10**400), "files", "alpha lora_alpha is 1000"),
    # PEFT matches it with the name of every module of the base, without a limit.
    "config: a pattern that does not end": Fault(
        config(target_modules=r"([a-z0-9_.]+)+!"), "files", "target_modules: .* still not matched with its layers"
    ),
    # It opens without a word, and the output is the base's.
    "config: alpha zero, an adapter switched off": Fault(config(lora_alpha=0), "files", "alpha lora_alpha is 0"),
    # `Infinity`, which Python's JSON reads as a number.
    "config: alpha_pattern for a layer that is none": Fault(
        config(alpha_pattern={"q_proj": 64}),
        "files",
        r"alpha_pattern: 'q_proj' matches no adapted layer; expected .*query",
    ),
    "config: alpha infinite": Fault(config(lora_alpha=float("inf")), "files", "alpha lora_alpha is inf"),
    # Module names of another architecture: PEFT refuses to open it.
    # Seen: https://github.com/huggingface/peft/issues/1206.
    "config: no target module exists": Fault(
        config(target_modules=["q_proj"]), "complete", "fit its base: Target modules"
    ),
    # One name too many, that the base does not have: PEFT is content with the others.
    # Seen: https://github.com/huggingface/peft/issues/1959.
    "config: one target module does not exist": Fault(
        config(target_modules=["query", "value", "v_proj"]), "complete", "the base has no module v_proj"
    ),
    # Its tensors stay in the file, and are not used.
    "config: a target module left out": Fault(
        config(target_modules=["query"]), "complete", r"unexpected \S*value\.lora"
    ),
    # Of the same rank, copied over this one's.
    "config: of another adapter": Fault(
        config(target_modules=["key", "dense"], lora_alpha=32), "complete", "missing .*; unexpected"
    ),
    # `layers_to_transform` takes only the first layer; the tensors of the other are not used.
    "config: a layer left out": Fault(config(layers_to_transform=[0]), "complete", r"unexpected \S*layer\.1\."),
    # PiSSA moves a part of the base into the adapter: put on the untouched base, that part counts twice.
    # Its authors and PEFT on the conversion: https://github.com/huggingface/peft/pull/1626; seen going wrong:
    # https://github.com/huggingface/peft/issues/1929.
    "config: PiSSA, not converted": Fault(config(init_lora_weights="pissa"), "files", "init_lora_weights is 'pissa'"),
    # It is no change of the base's layers, and cannot be merged into them.
    "config: a method that is not opened": Fault(
        config(peft_type="PROMPT_TUNING"), "files", r"peft_type is 'PROMPT_TUNING'; expected one of LORA, "
    ),
    "config: another method than that of its tensors": Fault(
        config(peft_type="LOHA", alpha=8), "complete", r"missing \S*hada_w1_a.*unexpected \S*lora_A"
    ),
    "config: another method, without what it needs": Fault(
        config(peft_type="LOKR"), "files", "expected r and alpha and target_modules"
    ),
    # The file has no biases of B.
    "config: biases of B switched on": Fault(config(lora_bias=True), "complete", r"missing \S*lora_B\.bias"),
    # Today's PEFT ignores it, with a warning at the most: it drops unknown keys so that older versions open newer
    # files, https://github.com/huggingface/peft/pull/2038.
    "config: a switch that is not known": Fault(config(use_tomorrows_lora=True), "files", "tomorrows_lora: changes"),
    # It trains on a quantised base, and corrects the base for it.
    "config: LoftQ": Fault(
        config(init_lora_weights="loftq", loftq_config={"loftq_bits": 4}), "files", "loftq_config: changes"
    ),
    # Of an embedding, A is zero before the training, not B.
    "adapter: on the embeddings, never trained": unrecorded(_on_embeddings, "exact_merge", "every B x A is zero"),
    # Single rows of the embeddings are trained beside LoRA, which the file does not have.
    "config: trained tokens": Fault(
        config(trainable_token_indices={"word_embeddings": [1, 2]}), "complete", "no tensor .*trainable_tokens_delta"
    ),
    # What was trained whole is left to chance.
    # Seen: https://github.com/huggingface/peft/issues/577, where `list.append` returned the None that was passed.
    "config: modules_to_save lost": _saved(config(modules_to_save=None), "complete", r"unexpected \S*pooler\.dense"),
    # Seen: https://github.com/unslothai/unsloth/pull/3317; and where the file had them, they were not opened:
    # https://github.com/huggingface/sentence-transformers/issues/3980.
    "adapter: the tensors of modules_to_save lost": _saved(
        dropped("pooler"), "complete", r"no tensor \S*pooler\.dense"
    ),
    "config: a list instead of an object": Fault(config(rank_pattern=["query", 8]), "files", "rank_pattern: expected"),
    # A copy that went wrong, after the training was recorded. Of the methods that only PEFT knows, this is what tells.
    **{
        f"adapter: by {method}, one tensor changed": Fault(_spoil, "record", ANOTHER_MODEL, good=f"adapter by {method}")
        for method in METHODS
    },
    "adapter: by LoHa, the tensors of a layer are missing": Fault(
        dropped("layer.1."), "complete", r"missing \S*layer\.1\.\S*hada_", good="adapter by LoHa"
    ),
    "adapter: by VeRA, its projections are missing": Fault(
        dropped("vera_A"), "complete", "vera_A", good="adapter by VeRA"
    ),
    "adapter: by trained tokens, other tokens": Fault(
        config(token_indices=list(range(45, 80))), "record", ANOTHER_MODEL, good="adapter by trained tokens"
    ),
    "adapter: by LoRA and trained tokens, one token too many": Fault(
        config(trainable_token_indices={"word_embeddings": list(range(5, 41))}),
        "complete",
        "does not fit its base",
        good="adapter by LoRA and trained tokens",
    ),
}
