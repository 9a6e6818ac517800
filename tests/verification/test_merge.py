"""A merged adapter is exactly the base plus scaling x B x A, or the weight that is not is named."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CheckpointError
from harness.verification.merge import require_exact_merge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.filterwarnings("ignore:The following rank_pattern keys did not match:RuntimeWarning")

SELF = "encoder.layer.0.attention.self"
QUERY, VALUE = f"{SELF}.query.weight", f"{SELF}.value.weight"
C_ATTN = "h.0.attn.c_attn.weight"
PLAIN = {"r": 4, "lora_alpha": 6, "target_modules": ["query", "value"]}
PATTERNS = {
    "rank_pattern": {r"layer\.0\.attention\.self\.(query|key)": 2, "value": 3},
    "alpha_pattern": {r".*1\.attention.*value": 5, "query": 11},
}

BERT: dict[str, dict[str, Any]] = {
    "plain": {},
    "every-linear-layer": {"target_modules": ["query", "key", "value", "dense"]},
    "by-regex": {"target_modules": r".*layer\.1.*(query|output\.dense)"},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "rank-pattern": {"rank_pattern": PATTERNS["rank_pattern"]},
    "alpha-pattern": {"alpha_pattern": PATTERNS["alpha_pattern"]},
    "pattern-by-full-name": {"rank_pattern": {f"{SELF}.query": 1}, "alpha_pattern": {f"{SELF}.value": 1}},
    "first-pattern-wins": {"rank_pattern": {r".*layer\.0.*": 1, "query": 3}},
    "pattern-is-no-part-of-a-name": {"rank_pattern": {"uery": 1, "self": 2, "valu": 3}},
    "bias-all": {"bias": "all"},
    "bias-lora-only": {"bias": "lora_only"},
    "modules-to-save": {"modules_to_save": ["pooler"]},
    "some-layers": {"layers_to_transform": [1]},
    "rank-above-the-width": {"r": 40, "lora_alpha": 3},
    "rslora-patterns": {"use_rslora": True, **PATTERNS},
    "everything": {
        "use_rslora": True,
        "use_dora": True,
        "bias": "lora_only",
        "modules_to_save": ["pooler"],
        **PATTERNS,
    },
}
GPT2: dict[str, dict[str, Any]] = {
    "conv1d": {"fan_in_fan_out": True},
    "conv1d-dora": {"fan_in_fan_out": True, "use_dora": True},
    "conv1d-square": {"fan_in_fan_out": True, "target_modules": [r"c_attn", "attn.c_proj"]},
    "conv1d-bias": {"fan_in_fan_out": True, "bias": "all"},
}
CASES = {**{name: ("bert", {**PLAIN, **more}) for name, more in BERT.items()}} | {
    name: ("gpt2", {**PLAIN, "target_modules": ["c_attn"], **more}) for name, more in GPT2.items()
}


@dataclass(frozen=True)
class Merge:
    """A merge by PEFT: parameters before and after, and the adapter's two files."""

    merged: dict[str, Any]
    base: dict[str, Any]
    adapter: dict[str, Any]
    config: dict[str, Any]
    transposed: set[str]

    def check(self, **changed: Any) -> float:
        merged = {**self.merged, **changed.pop("merged", {})}
        adapter = {**self.adapter, **changed.pop("adapter", {})}
        config = {**self.config, **changed}
        return require_exact_merge(merged, self.base, adapter, config, self.transposed)

    def error(self, **changed: Any) -> str:
        with pytest.raises(CheckpointError) as caught:
            self.check(**changed)
        return str(caught.value)


def build_base(kind: str) -> Any:
    import torch
    from transformers import BertConfig, BertModel, GPT2Config, GPT2Model

    with torch.random.fork_rng():
        torch.manual_seed(7)
        if kind == "gpt2":
            return GPT2Model(
                GPT2Config(vocab_size=20, n_embd=16, n_layer=1, n_head=2, n_positions=8, bos_token_id=1, eos_token_id=1)
            )
        config = BertConfig(
            vocab_size=20,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=24,
            max_position_embeddings=8,
            initializer_range=0.2,
        )
        return BertModel(config)


@pytest.fixture(scope="module")
def merges(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Merge]:
    """Name of the case -> its adapter with random weights, saved, opened and merged by PEFT itself; each made once."""
    made: dict[str, Merge] = {}

    def make(name: str) -> Merge:
        if name not in made:
            made[name] = merge_by_peft(*CASES[name], tmp_path_factory.mktemp("adapter"))
        return made[name]

    return make


def merge_by_peft(kind: str, options: dict[str, Any], directory: Path) -> Merge:
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from safetensors.torch import load_file

    adapted = get_peft_model(build_base(kind), LoraConfig(**options))
    generator = torch.Generator().manual_seed(11)
    for parameter in adapted.parameters():
        if parameter.requires_grad:  # A, B, magnitudes, biases, whole modules: whatever a training would change
            with torch.no_grad():
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    adapted.save_pretrained(str(directory))
    base = {name: tensor.clone() for name, tensor in build_base(kind).state_dict().items()}
    opened = PeftModel.from_pretrained(build_base(kind), str(directory))
    return Merge(
        merged=dict(opened.merge_and_unload().state_dict()),
        base=base,
        adapter=load_file(directory / "adapter_model.safetensors"),
        config=json.loads((directory / "adapter_config.json").read_text(encoding="utf-8")),
        transposed={name.removesuffix(".weight") for name in base if re.search(r"\.c_\w+\.weight$", name)},
    )


# --- an independent computation: numpy, element by element ------------------------------------------------------------


def expected_of(merge: Merge, name: str) -> NDArray[np.float64]:
    """One weight of the merged model as the papers write it, in float64, each element by a sum of its own."""
    before = merge.base[name].double().numpy()
    module, _, kind = name.rpartition(".")
    saved = {key.removeprefix("base_model.model."): value.double().numpy() for key, value in merge.adapter.items()}
    for whole in (name, f"{module}.base_layer.{kind}"):
        if whole in saved:
            return saved[whole]
    if kind != "weight" or f"{module}.lora_A.weight" not in saved:
        return before
    first, second = saved[f"{module}.lora_A.weight"], saved[f"{module}.lora_B.weight"]
    rank = len(first)
    alpha = chosen(merge.config["alpha_pattern"], module, merge.config["lora_alpha"])
    assert chosen(merge.config["rank_pattern"], module, merge.config["r"]) == rank
    scaling = alpha / (math.sqrt(rank) if merge.config["use_rslora"] else rank)
    weight = before.T if module in merge.transposed else before
    after = np.array(
        [
            [
                weight[out, into] + math.fsum(scaling * second[out, k] * first[k, into] for k in range(rank))
                for into in range(first.shape[1])
            ]
            for out in range(len(second))
        ]
    )
    magnitude = saved.get(f"{module}.lora_magnitude_vector")
    if magnitude is not None:
        after = np.array([m * row / math.hypot(*row) for m, row in zip(magnitude, after, strict=True)])
    return after.T if module in merge.transposed else after


def chosen(pattern: dict[str, Any], module: str, default: Any) -> Any:
    """The first key that is the module's name, or its end after a dot."""
    ends = [module, *(module[dot.end() :] for dot in re.finditer(r"\.", module))]
    found = [value for key, value in pattern.items() if any(re.fullmatch(key, end) for end in ends)]
    return found[0] if found else default


@pytest.mark.parametrize("name", CASES)
def test_the_merge_of_peft_is_the_papers_formula_and_is_accepted(merges: Callable[[str], Merge], name: str) -> None:
    merge = merges(name)
    expected = {weight: expected_of(merge, weight) for weight in merge.base}
    for weight, values in expected.items():
        np.testing.assert_allclose(values, merge.merged[weight].numpy(), rtol=2e-5, atol=2e-6, err_msg=weight)
    largest = max(float(np.abs(values - merge.base[w].double().numpy()).max()) for w, values in expected.items())
    assert pytest.approx(largest, rel=1e-12) == merge.check()
    assert largest > 0.02


@pytest.mark.parametrize("name", CASES)
def test_the_cases_are_really_different(merges: Callable[[str], Merge], name: str) -> None:
    """A case whose option PEFT ignores would prove nothing: each one's files ask for what it is named after."""
    options, merge = CASES[name][1], merges(name)
    for key, value in options.items():
        found = merge.config[key]
        assert (set(value), len(value)) == (set(found), len(found)) if isinstance(value, list) else value == found
    ranks = {tensor.shape[0] for key, tensor in merge.adapter.items() if "lora_A" in key}
    assert ranks >= {"rank-pattern": {2, 3}, "first-pattern-wins": {1, 3}, "everything": {2, 3}}.get(name, set())
    kept = {key for key in merge.adapter if "lora_" not in key}
    assert bool(kept) == bool(options.get("modules_to_save") or options.get("bias", "none") != "none")
    assert any("magnitude" in key for key in merge.adapter) == options.get("use_dora", False)


def test_weights_that_were_stored_in_half_precision_are_compared_exactly(merges: Callable[[str], Merge]) -> None:
    merge = merges("plain")
    a, b = (f"base_model.model.{SELF}.query.lora_{side}.weight" for side in "AB")
    half = {key: merge.adapter[key].half() for key in (a, b)}
    merged = merge.base[QUERY] + 6 / 4 * (half[b].float() @ half[a].float())
    assert merge.check(adapter=half, merged={QUERY: merged}) > 0
    assert QUERY in merge.error(adapter=half)


# --- what is not the merge --------------------------------------------------------------------------------------------


def scaled(merge: Merge, name: str) -> Any:
    return merge.base[name] + 1.01 * (merge.merged[name] - merge.base[name])


def not_merged(merge: Merge, name: str) -> Any:
    return merge.base[name]


def subtracted(merge: Merge, name: str) -> Any:
    return merge.base[name] - (merge.merged[name] - merge.base[name])


def in_half_precision(merge: Merge, name: str) -> Any:
    return merge.merged[name].half().float()


def with_nan(merge: Merge, name: str) -> Any:
    changed = merge.merged[name].clone()
    changed.view(-1)[0] = float("nan")
    return changed


FAULTS = [not_merged, subtracted, in_half_precision, with_nan]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("name", "weight"), [("everything", QUERY), ("conv1d-dora", C_ATTN)])
def test_a_weight_that_is_not_the_merge_is_named(
    merges: Callable[[str], Merge], name: str, weight: str, fault: Callable[[Merge, str], Any]
) -> None:
    merge = merges(name)
    said = "the merged model is not the base plus scaling x B x A, computed from the files in float64: "
    assert merge.error(merged={weight: fault(merge, weight)}).startswith(f"{said}{weight} (off by up to ")


@pytest.mark.parametrize(("name", "weight"), [("plain", QUERY), ("conv1d-square", "h.0.attn.c_proj.weight")])
def test_a_square_weight_that_was_taken_the_other_way_round_is_named(
    merges: Callable[[str], Merge], name: str, weight: str
) -> None:
    merge = merges(name)
    other = merge.base[weight] + (merge.merged[weight] - merge.base[weight]).T
    assert f"float64: {weight} (off by" in merge.error(merged={weight: other})


@given(data=st.data())
def test_one_element_that_is_off_by_a_thousandth_of_itself_is_found(
    merges: Callable[[str], Merge], data: st.DataObject
) -> None:
    merge = merges(data.draw(st.sampled_from(["plain", "rslora-patterns", "dora", "everything"])))
    name = data.draw(st.sampled_from([QUERY, VALUE]))
    before, after = merge.base[name], merge.merged[name]
    # Where the change all but cancels the weight, a thousandth of what is left is rounding.
    index = data.draw(st.sampled_from((after.abs() > 0.05 * before.abs()).nonzero().tolist()))
    changed = after.clone()
    changed[tuple(index)] *= 1 + data.draw(st.sampled_from([1e-3, -1e-3]))
    off = float((changed - after).abs().max())
    found = re.search(rf"float64: {re.escape(name)} \(off by up to (.+)\)$", merge.error(merged={name: changed}))
    assert found
    assert pytest.approx(off, rel=0.1) == float(found[1])


def next_float(tensor: Any) -> Any:
    import torch

    changed = tensor.clone()
    flat = changed.view(-1)
    flat[0] = torch.nextafter(flat[0], torch.tensor(math.inf))
    return changed


@pytest.mark.parametrize("name", CASES)
def test_any_weight_that_is_off_is_named_an_adapted_one_beyond_rounding_another_in_its_last_place(
    merges: Callable[[str], Merge], name: str
) -> None:
    merge = merges(name)
    adapted = {key.split("model.model.")[-1].split(".lora_")[0] + ".weight" for key in merge.adapter if "lora_A" in key}
    for weight in merge.base:
        off = scaled(merge, weight) if weight in adapted else next_float(merge.merged[weight])
        message = merge.error(merged={weight: off})
        assert f"float64: {weight} (off by up to " in message
        assert 1 == message.count("off by")


OTHER_CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "alpha": ("plain", {"lora_alpha": 7}),
    "rank": ("plain", {"r": 5}),
    "rslora-ignored": ("rslora", {"use_rslora": False}),
    "rslora-invented": ("plain", {"use_rslora": True}),
    "alpha-pattern-ignored": ("alpha-pattern", {"alpha_pattern": {}}),
    "rank-pattern-ignored": ("rank-pattern", {"rank_pattern": None}),
}


@pytest.mark.parametrize(("name", "config"), OTHER_CONFIGS.values(), ids=OTHER_CONFIGS)
def test_another_configuration_than_it_was_merged_by_is_found(
    merges: Callable[[str], Merge], name: str, config: dict[str, Any]
) -> None:
    assert QUERY in merges(name).error(**config)


def test_magnitudes_that_were_left_out_are_found(merges: Callable[[str], Merge]) -> None:
    dora = merges("dora")
    without = {key: tensor for key, tensor in dora.adapter.items() if "magnitude" not in key}
    with pytest.raises(CheckpointError, match=re.escape(QUERY)):
        require_exact_merge(dora.merged, dora.base, without, dora.config, ())


def test_one_weight_that_changes_is_a_change(merges: Callable[[str], Merge]) -> None:
    merge = merges("plain")
    rest = {key: 0 * tensor for key, tensor in merge.adapter.items() if "lora_B" in key and f"{SELF}.query" not in key}
    merged = {**merge.base, QUERY: merge.merged[QUERY]}
    assert pytest.approx(float((merged[QUERY] - merge.base[QUERY]).abs().max()), rel=1e-5) == merge.check(
        adapter=rest, merged=merged
    )


@given(
    outputs=st.integers(1, 6),
    inputs=st.integers(1, 6),
    rank=st.integers(1, 5),
    alpha=st.floats(0.01, 100),
    size=st.sampled_from([1e-4, 1.0, 1e3]),
    seed=st.integers(0, 1000),
    rslora=st.booleans(),
    flip=st.booleans(),
)
def test_a_merge_in_fp32_is_within_its_rounding_at_any_size(
    outputs: int, inputs: int, rank: int, alpha: float, size: float, seed: int, rslora: bool, flip: bool
) -> None:
    import torch

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
