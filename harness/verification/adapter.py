"""The two files of an adapter, for the check `files`: what is wrong in them, or cannot be verified here. Opens none."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.models.files import ADAPTER, ADAPTER_CONFIG, read_object, tensor_shapes
from harness.models.methods import COMPUTED, METHODS, is_opened, not_opened
from harness.text import one_line, some
from harness.verification.patterns import PATTERNS, idle_patterns, pattern_problems

_UNDERSTOOD = frozenset(
    {
        *("alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "eva_config", "exclude_modules"),
        *("fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform"),
        *(
            "lora_alpha",
            "lora_bias",
            "lora_dropout",
            "megatron_config",
            "megatron_core",
            "modules_to_save",
            "peft_type",
            "peft_version",
        ),
        *("qalora_group_size", "r", "rank_pattern", "revision", "target_modules", "task_type"),
        *("trainable_token_indices", "use_dora", "use_rslora"),
    }
)
"""Keys of a LoRA adapter's configuration whose effect on the merged weights `opened.py` computes, or that have none."""

_INITS = (True, False, "gaussian", "eva", "orthogonal")
"""Ways to draw the first A and B. The others (PiSSA, OLoRA, CorDA, ...) also change the base: B x A is not all."""

# LoRA's own tensors on linear layers and embeddings; a tensor without these marks replaces one of the base.
_OWN = re.compile(
    r"\.(lora_A\.weight|lora_B\.(weight|bias)|lora_embedding_[AB]|lora_magnitude_vector(\.weight)?"
    r"|token_adapter\.trainable_tokens_delta)$"
)
_MATRIX = re.compile(r"\.lora_([AB]\.weight|embedding_[AB])$")
_FOREIGN = re.compile(r"lora_|\.token_adapter\.")

_RANKS = ("r", "init_r", "target_r")
_MOST_RANK = 4096
_MOST_ALPHA = 1e9


def adapter_problems(path: Path) -> Iterator[str]:
    """Name what is wrong or cannot be verified in an adapter's two files; a CheckpointError if one cannot be read."""
    method = read_object(path / ADAPTER_CONFIG, "peft_type")["peft_type"]
    if not is_opened(method):
        yield f"{ADAPTER_CONFIG}: {not_opened(method)}"
        return
    config = read_object(path / ADAPTER_CONFIG, *METHODS[method])
    shapes = tensor_shapes(path / ADAPTER)
    yield from (f"{ADAPTER_CONFIG}: {problem}" for problem in _config_problems(config, shapes))
    yield from empty_problems(shapes)
    if method == COMPUTED and all(isinstance(config.get(key) or {}, dict) for key in PATTERNS):
        yield from (f"{ADAPTER_CONFIG}: {problem}" for problem in _lora_problems(config))
        yield from _tensor_problems(shapes)


def _tensor_problems(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    foreign = [name for name in shapes if _FOREIGN.search(name) and not _OWN.search(name)]
    if foreign:
        yield f"{ADAPTER}: {some(foreign)}: not LoRA on a linear layer or an embedding; it cannot be verified here"
    odd = [name for name, shape in shapes.items() if _MATRIX.search(name) and len(shape) != 2]
    if odd:
        yield f"{ADAPTER}: {some(odd)}: not a matrix; only LoRA on linear layers and embeddings can be verified here"


def empty_problems(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    """Name the tensors without elements."""
    empty = [name for name, shape in shapes.items() if 0 in shape]
    if empty:
        yield (
            f"{len(empty)} of {len(shapes)} tensors are empty ({some(empty)}): a sharded training (ZeRO-3, FSDP) that "
            "was not gathered before it was saved; save the full state dict"
        )


def _config_problems(config: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    """Name what is wrong in the configuration of any method."""
    shapeless = [key for key in (*PATTERNS, "auto_mapping") if not isinstance(config.get(key) or {}, dict)]
    if shapeless:
        yield f"{some(shapeless)}: expected a JSON object"
        return
    targets = config["target_modules"]
    if not targets or not isinstance(targets, str | list):
        yield f"target_modules is {targets!r}; expected a list of names, or a regular expression"
    wrong = list(pattern_problems(config, list(shapes)))
    yield from wrong or (idle_patterns(config, list(shapes)) if config["peft_type"] == COMPUTED else ())
    yield from _token_problems(config)
    numbers = {**{key: config.get(key) for key in _RANKS}, **_pattern(config, "rank_pattern")}
    for key, value in numbers.items():
        if isinstance(value, int) and value > _MOST_RANK:
            yield f"rank {key} is {one_line(str(value), 60)}; expected at most {_MOST_RANK}"
    base = config.get("base_model_name_or_path")
    if base is not None and not isinstance(base, str):
        yield f"base_model_name_or_path is {base!r}; expected a name"
    library = (config.get("auto_mapping") or {}).get("parent_library", "transformers.")
    if not str(library).startswith("transformers."):
        yield f"auto_mapping.parent_library is {library!r}; expected a module of transformers"
    if config.get("megatron_config"):
        yield "megatron_config: imports the module that megatron_core names; none is imported here"


def _lora_problems(config: dict[str, Any]) -> Iterator[str]:
    """Name what keeps the merged weights of a LoRA adapter from being computed."""
    unknown = sorted(key for key, value in config.items() if value and key not in _UNDERSTOOD)
    if unknown:
        yield f"{some(unknown)}: changes the model in a way that cannot be verified here"
    if config.get("init_lora_weights", True) not in _INITS:
        yield (
            f"init_lora_weights is {config['init_lora_weights']!r}, which also changes the base; expected one of "
            f"{', '.join(map(str, _INITS))} (PEFT can convert such an adapter when it saves it)"
        )
    if config.get("bias", "none") not in ("none", "all", "lora_only"):
        yield f"bias is {config['bias']!r}; expected none, all or lora_only"
    yield from _scaling_problems(config)


def _token_problems(config: dict[str, Any]) -> Iterator[str]:
    for key in ("token_indices", "trainable_token_indices"):
        listed = config.get(key) or {}
        for rows in listed.values() if isinstance(listed, dict) else [listed]:
            whole = isinstance(rows, list) and all(type(row) is int and row >= 0 for row in rows)
            if not whole or len(set(rows)) < len(rows):
                yield f"{key}: expected lists of whole numbers from 0, each number once"


def _scaling_problems(config: dict[str, Any]) -> Iterator[str]:
    for key, value in {"r": config["r"], **_pattern(config, "rank_pattern")}.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            yield f"rank {key} is {value!r}; expected a whole number from 1"
    for key, value in {"lora_alpha": config["lora_alpha"], **_pattern(config, "alpha_pattern")}.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= _MOST_ALPHA:
            shown = one_line(repr(value), 60)
            yield f"alpha {key} is {shown}; expected a number above 0, to 1e9: the update is scaled by alpha / rank"


def _pattern(config: dict[str, Any], key: str) -> dict[str, Any]:
    return {f"{key}.{name}": value for name, value in (config.get(key) or {}).items()}
