"""A merged adapter is exactly the base plus scaling x B x A, or the weight that is not is named."""

import json
import math
import re
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CheckpointError
from harness.verification.merging import require_exact_merge

pytestmark = [
    pytest.mark.filterwarnings("ignore:The following rank_pattern keys did not match:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Adapter 'default'. . LoRA tensor.s. have invalid shape"),  # biases
]

SELF = "encoder.layer.0.attention.self"
QUERY, VALUE = f"{SELF}.query.weight", f"{SELF}.value.weight"
PATTERNS = {
    "rank_pattern": {r"layer\.0\.attention\.self\.(query|key)": 2, "value": 3},
    "alpha_pattern": {r".*1\.attention.*value": 5, "query": 11},
}

PLAIN = {"r": 4, "lora_alpha": 6, "target_modules": ["query", "value"]}
RSLORA = {**PLAIN, **PATTERNS, "use_rslora": True}
CONV1D = {**PLAIN, "target_modules": ["c_attn"], "fan_in_fan_out": True}
WORDS = {**PLAIN, "target_modules": ["query", "word_embeddings"]}
CASES = {
    "plain": PLAIN,
    "by-regex": {**PLAIN, "target_modules": r".*layer\.1.*(query|output\.dense)"},
    "dora": {**PLAIN, "use_dora": True},
    "patterns": {**PLAIN, **PATTERNS},
    "pattern-by-full-name": {**PLAIN, "rank_pattern": {f"{SELF}.query": 1}, "alpha_pattern": {f"{SELF}.value": 1}},
    "first-pattern-wins": {**PLAIN, "rank_pattern": {r".*layer\.0.*": 1, "query": 3}},
    "pattern-is-no-part-of-a-name": {**PLAIN, "rank_pattern": {"uery": 1, "self": 2, "valu": 3}},
    "biases": {**PLAIN, "bias": "all"},
    "rank-above-the-width": {**PLAIN, "r": 40, "lora_alpha": 3},
    "rslora-patterns": RSLORA,
    "all": {**RSLORA, "use_dora": True, "bias": "lora_only", "modules_to_save": ["pooler"]},
    "bias-of-b": {**PLAIN, "lora_bias": True},
    "bias-of-b-and-biases": {**RSLORA, "lora_bias": True, "bias": "all"},
    "embeddings": WORDS,
    "embeddings-patterns": {**WORDS, "rank_pattern": {"word_embeddings": 2}, "alpha_pattern": {"word_embeddings": 5}},
    "embeddings-dora": {**WORDS, "use_dora": True},
    "tokens": {**PLAIN, "trainable_token_indices": [7, 3]},
    "tokens-by-name": {**PLAIN, "trainable_token_indices": {"word_embeddings": [2], "position_embeddings": [5, 1]}},
    "conv1d": CONV1D,
    "conv1d-dora": {**CONV1D, "use_dora": True},
    "conv1d-square": {**CONV1D, "target_modules": [r"c_attn", "attn.c_proj"]},
}


class Merge(SimpleNamespace):
    """A merge by PEFT: parameters before and after, and the adapter's two files."""

    def check(self, **changed):
        return require_exact_merge({**self.merged, **changed}, self.base, self.adapter, self.config, self.transposed)

    def error(self, name, changed):
        with pytest.raises(CheckpointError) as caught:
            self.check(**{name: changed})
        return str(caught.value)


def build_base(*, conv1d):
    import torch
    from transformers import BertConfig, BertModel, GPT2Config, GPT2Model

    with torch.random.fork_rng():
        torch.manual_seed(7)
        if conv1d:
            small = {"vocab_size": 20, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 8}
            return GPT2Model(GPT2Config(**small, bos_token_id=1, eos_token_id=1))
        small = {"vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
        small |= {"intermediate_size": 24, "max_position_embeddings": 8}
        return BertModel(BertConfig(**small, initializer_range=0.2))


@cache
def merge_of(name):
    """A case's adapter with random weights, saved, opened and merged by PEFT itself."""
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from safetensors.torch import load_file

    bases = [build_base(conv1d=name.startswith("conv1d")) for _ in range(3)]
    adapted = get_peft_model(bases[0], LoraConfig(**CASES[name]))
    generator = torch.Generator().manual_seed(11)
    for parameter in adapted.parameters():
        if parameter.requires_grad:  # A, B, magnitudes, biases, whole modules: whatever a training would change
            with torch.no_grad():
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    base = bases[1].state_dict()
    with tempfile.TemporaryDirectory() as directory:
        adapted.save_pretrained(directory)
        return Merge(
            merged=dict(PeftModel.from_pretrained(bases[2], directory).merge_and_unload().state_dict()),
            base=base,
            adapter=load_file(f"{directory}/adapter_model.safetensors"),
            config=json.loads(Path(directory, "adapter_config.json").read_text(encoding="utf-8")),
            transposed={name.removesuffix(".weight") for name in base if re.search(r"\.c_\w+\.weight$", name)},
        )


def expected_of(merge, name):
    """One weight of the merged model as the papers write it, in float64, each element by a sum of its own."""
    before = merge.base[name].double().numpy()
    module, _, kind = name.rpartition(".")
    saved = {key.removeprefix("base_model.model."): value.double().numpy() for key, value in merge.adapter.items()}
    for whole in (name, f"{module}.base_layer.{kind}"):
        if whole in saved:
            before = saved[whole]
    rows = saved.get(f"{module}.token_adapter.trainable_tokens_delta")
    if rows is not None:
        chosen_rows = merge.config["trainable_token_indices"]
        if isinstance(chosen_rows, dict):
            chosen_rows = chosen_rows[module.rpartition(".")[2]]
        return np.array([rows[chosen_rows.index(i)] if i in chosen_rows else row for i, row in enumerate(before)])
    if kind == "bias" and f"{module}.lora_B.bias" in saved:
        return before + scaling_of(merge, module) * saved[f"{module}.lora_B.bias"]
    words = f"{module}.lora_embedding_A" in saved
    if kind != "weight" or not (words or f"{module}.lora_A.weight" in saved):
        return before
    a, b = ("lora_embedding_A", "lora_embedding_B") if words else ("lora_A.weight", "lora_B.weight")
    first, second = saved[f"{module}.{a}"], saved[f"{module}.{b}"]
    transposed = words or module in merge.transposed  # a column a token
    rank = len(first)
    assert chosen(merge.config["rank_pattern"], module, merge.config["r"]) == rank
    scaling = scaling_of(merge, module)
    weight = before.T if transposed else before
    after = np.empty((len(second), first.shape[1]))
    for out, into in np.ndindex(after.shape):
        after[out, into] = weight[out, into] + math.fsum(scaling * second[out, k] * first[k, into] for k in range(rank))
    magnitude = saved.get(f"{module}.lora_magnitude_vector")
    if magnitude is not None:
        after = np.array([m * row / math.hypot(*row) for m, row in zip(magnitude, after, strict=True)])
    return after.T if transposed else after


def scaling_of(merge, module):
    rank = chosen(merge.config["rank_pattern"], module, merge.config["r"])
    alpha = chosen(merge.config["alpha_pattern"], module, merge.config["lora_alpha"])
    return alpha / (math.sqrt(rank) if merge.config["use_rslora"] else rank)


def chosen(pattern, module, default):
    """The first key that is the module's name, or its end after a dot."""
    ends = [module, *(module[dot.end() :] for dot in re.finditer(r"\.", module))]
    found = [value for key, value in pattern.items() if any(re.fullmatch(key, end) for end in ends)]
    return found[0] if found else default


@pytest.mark.parametrize("name", CASES)
def test_the_merge_of_peft_is_the_papers_formula_and_is_accepted(name):
    merge = merge_of(name)
    expected = {weight: expected_of(merge, weight) for weight in merge.base}
    for weight, values in expected.items():
        np.testing.assert_allclose(values, merge.merged[weight].numpy(), rtol=2e-5, atol=2e-6, err_msg=weight)
    largest = max(float(np.abs(values - merge.base[w].double().numpy()).max()) for w, values in expected.items())
    assert pytest.approx(largest, rel=1e-12) == merge.check()
    assert largest > 0.02


@pytest.mark.parametrize("name", CASES)
def test_any_weight_that_is_off_is_named_an_adapted_one_beyond_rounding_another_in_its_last_place(name):
    import torch

    merge, up = merge_of(name), torch.tensor(math.inf)
    marks = {"lora_A": ".weight", "lora_embedding_A": ".weight", "lora_B.bias": ".bias"}
    adapted = {
        key.split("model.model.")[-1].split(".lora_")[0] + parameter
        for key in merge.adapter
        for mark, parameter in marks.items()
        if mark in key
    }
    for weight in merge.base:
        after = merge.merged[weight]
        scaled = merge.base[weight] + 1.01 * (after - merge.base[weight])
        off = scaled if weight in adapted else torch.nextafter(after, up)
        assert f"float64: {weight} (off by up to nan" in merge.error(weight, math.nan * after)
        message = merge.error(weight, off)
        assert f"float64: {weight} (off by up to " in message
        assert 1 == message.count("off by")


SIZES = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5), st.sampled_from([1e-4, 1.0, 1e3]))


@given(SIZES, st.floats(0.01, 100), st.integers(0, 1000), st.booleans(), st.booleans())
def test_a_merge_in_fp32_is_within_its_rounding_at_any_size(sizes, alpha, seed, rslora, flip):
    import torch

    outputs, inputs, rank, size = sizes
    rng = np.random.default_rng(seed)
    base, a, b = (
        torch.from_numpy(rng.normal(size=shape).astype(np.float32))
        for shape in ((outputs, inputs), (rank, inputs), (outputs, rank))
    )
    b = b * size
    change = alpha / (math.sqrt(rank) if rslora else rank) * (b @ a)
    merged = base + change
    adapter = {"base_model.model.m.lora_A.weight": a, "base_model.model.m.lora_B.weight": b}
    config = {"r": rank, "lora_alpha": alpha, "use_rslora": rslora}
    tensors = [{"m.weight": tensor.T.contiguous() if flip else tensor} for tensor in (merged, base)]
    largest = require_exact_merge(*tensors, adapter, config, {"m"} if flip else ())
    assert pytest.approx(float(change.abs().max()), rel=1e-4) == largest
