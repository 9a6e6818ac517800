"""The format of a PEFT adapter: what of its configuration and tensors can be verified, by name."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from harness.errors import CheckpointError
from harness.models.files import ADAPTER, ADAPTER_CONFIG, WEIGHTS, read_json, tensor_shapes
from harness.text import some

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_UNDERSTOOD = frozenset(
    {
        *("alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "eva_config", "exclude_modules"),
        *("fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform"),
        *("lora_alpha", "lora_dropout", "megatron_core", "modules_to_save", "peft_type", "peft_version"),
        *("qalora_group_size", "r", "rank_pattern", "revision", "target_modules", "task_type", "use_dora"),
        "use_rslora",
    }
)
"""Keys of an adapter's configuration whose effect on the merged weights `merge.py` computes, or that have none."""

_INITS = (True, False, "gaussian", "eva", "orthogonal")
"""Ways to draw the first A and B. The others (PiSSA, OLoRA, CorDA, ...) also change the base: B x A is not all."""

# LoRA's own tensors on linear layers; a tensor without these marks replaces one of the base.
_OWN = re.compile(r"\.(lora_A\.weight|lora_B\.weight|lora_magnitude_vector(\.weight)?)$")
_FOREIGN = re.compile(r"lora_|\.token_adapter\.")


def adapter_problems(path: Path) -> Iterator[str]:
    """Name everything that is wrong with a directory as a PEFT adapter, or that cannot be verified."""
    if (path / WEIGHTS).exists():
        yield f"{WEIGHTS}: a whole model, not an adapter alone; gate it with --full-model"
    missing = [name for name in (ADAPTER_CONFIG, ADAPTER) if not (path / name).is_file()]
    if missing:
        present = some(sorted(file.name for file in path.glob("*")))
        yield f"no {' and no '.join(missing)} in it (found: {present}); expected a PEFT adapter"
        return
    try:
        config = read_json(path / ADAPTER_CONFIG, "peft_type", "r", "lora_alpha", "target_modules")
        shapes = tensor_shapes(path / ADAPTER)
    except CheckpointError as error:
        yield str(error)
        return
    yield from (f"{ADAPTER_CONFIG}: {problem}" for problem in _config_problems(config))
    foreign = [name for name in shapes if _FOREIGN.search(name) and not _OWN.search(name)]
    if foreign:
        yield f"{ADAPTER}: {some(foreign)}: not a LoRA matrix of a linear layer; what it does cannot be verified here"
    odd = [name for name, shape in shapes.items() if re.search(r"\.lora_[AB]\.weight$", name) and len(shape) != 2]
    if odd:
        yield f"{ADAPTER}: {some(odd)}: not a matrix; only LoRA on linear layers can be verified here"


def _config_problems(config: dict[str, Any]) -> Iterator[str]:
    """Name what in an adapter's configuration is wrong, or is not understood and so cannot be verified."""
    if config["peft_type"] != "LORA":
        yield f"peft_type is {config['peft_type']!r}; only LORA can be verified here"
        return
    shapeless = [
        key for key in ("rank_pattern", "alpha_pattern", "auto_mapping") if not isinstance(config.get(key) or {}, dict)
    ]
    if shapeless:
        yield f"{some(shapeless)}: expected a JSON object"
        return
    yield from _target_problems(config)
    base = config.get("base_model_name_or_path")
    if base is not None and not isinstance(base, str):
        yield f"base_model_name_or_path is {base!r}; expected a name"
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
    library = (config.get("auto_mapping") or {}).get("parent_library", "transformers.")
    if not str(library).startswith("transformers."):
        yield f"auto_mapping.parent_library is {library!r}; expected a module of transformers"


def _target_problems(config: dict[str, Any]) -> Iterator[str]:
    """Name what in the choice of modules PEFT could not read: names in a list, or a regular expression."""
    targets = config["target_modules"]
    if not targets or not isinstance(targets, str | list):
        yield f"target_modules is {targets!r}; expected a list of names, or a regular expression"
    keys = ("target_modules", "exclude_modules", "layers_pattern")
    patterns = [(key, config[key]) for key in keys if isinstance(config.get(key), str)]
    patterns += [(key, name) for key in ("rank_pattern", "alpha_pattern") for name in config.get(key) or {}]
    for key, pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"{key}: {pattern!r} is no regular expression: {error}"


def _scaling_problems(config: dict[str, Any]) -> Iterator[str]:
    for key, value in {"r": config["r"], **_pattern(config, "rank_pattern")}.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            yield f"rank {key} is {value!r}; expected a whole number from 1"
    for key, value in {"lora_alpha": config["lora_alpha"], **_pattern(config, "alpha_pattern")}.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
            yield f"alpha {key} is {value!r}; expected a number above 0: the update is scaled by alpha / rank"


def _pattern(config: dict[str, Any], key: str) -> dict[str, Any]:
    return {f"{key}.{name}": value for name, value in (config.get(key) or {}).items()}
