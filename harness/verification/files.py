"""Check `files`: the directory has the expected format, and nothing in it can run code. Opens no model."""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import CheckpointError
from harness.execution.reading import read_json
from harness.models.files import (
    ADAPTER,
    ADAPTER_CONFIG,
    INDEX,
    MODULES,
    PICKLES,
    WEIGHTS,
    first_module,
    read_object,
    tensor_shapes,
    weight_shapes,
)
from harness.text import on_a_screen, some
from harness.verification.candidate import KINDS, Candidate, CheckResult

_NEEDED = {"lora": (ADAPTER_CONFIG, ADAPTER), "full": (MODULES, WEIGHTS)}
_OTHER_KIND = {
    "lora": (WEIGHTS, "a whole model, not an adapter alone; gate it with --full-model"),
    "full": (ADAPTER_CONFIG, "an adapter, not a whole model; gate it with --adapter"),
}

# Beside the weights, where no loader looks for them.
_LEFT_BY_A_TRAINER = re.compile(
    r"training_args\.bin|optimizer\.(pt|bin)|scheduler\.pt|scaler\.pt|rng_state(_\d+)?\.pth"
)
_NEEDS_NO_FILE = ("Normalize", "Dropout")
"""Modules of sentence-transformers without settings: their directory is empty, and Git keeps none."""

# --- an adapter's configuration and tensors: what can be verified, by name
_UNDERSTOOD = frozenset(
    {
        *("alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "eva_config", "exclude_modules"),
        *("fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform"),
        *("lora_alpha", "lora_dropout", "megatron_core", "modules_to_save", "peft_type", "peft_version"),
        *("qalora_group_size", "r", "rank_pattern", "revision", "target_modules", "task_type", "use_dora"),
        "use_rslora",
    }
)
"""Keys of an adapter's configuration whose effect on the merged weights `opened.py` computes, or that have none."""

_INITS = (True, False, "gaussian", "eva", "orthogonal")
"""Ways to draw the first A and B. The others (PiSSA, OLoRA, CorDA, ...) also change the base: B x A is not all."""

# LoRA's own tensors on linear layers; a tensor without these marks replaces one of the base.
_OWN = re.compile(r"\.(lora_A\.weight|lora_B\.weight|lora_magnitude_vector(\.weight)?)$")
_FOREIGN = re.compile(r"lora_|\.token_adapter\.")


def check_files(candidate: Candidate) -> CheckResult:
    """Check that a candidate's files can be opened safely, and are what the option says.

    Everything that is wrong is listed. The weights are not read, but for the header of each file.
    """
    problems = [*_code_problems(candidate.path), *_format_problems(candidate)]
    if problems:
        return CheckResult("fail", on_a_screen(f"{candidate.path}: {'; '.join(problems)}"))
    left = sorted(file.name for file in candidate.path.glob("*") if _LEFT_BY_A_TRAINER.fullmatch(file.name))
    note = f"; {some(left)}: left by a trainer, opened by nothing here; do not ship it" if left else ""
    return CheckResult("pass", f"safetensors and JSON only, in the expected format{note}")


def _code_problems(path: Path) -> Iterator[str]:
    """Name whatever would run code that comes with the model."""
    found = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*"))}
    pickles = [
        name
        for name, file in found.items()
        if file.suffix.lower() in PICKLES and not _LEFT_BY_A_TRAINER.fullmatch(name)
    ]
    if pickles:
        yield f"{some(pickles)}: a pickle can run any code when it is opened; only safetensors ship"
    links = [name for name, file in found.items() if file.is_symlink() and file.is_dir()]
    if links:
        yield f"{some(links)}: a link to a directory: what lies there is not verified; put its files here"
    for name, file in found.items():
        if not name.endswith(".json"):
            continue
        try:
            content = read_json(file, CheckpointError)
        except CheckpointError as error:
            yield f"{name}: {str(error).removeprefix(f'{file}: ')}"
            continue
        if any(key in ("auto_map", "trust_remote_code") and value for key, value in _entries(content)):
            yield f"{name}: asks for code that comes with the model (auto_map, trust_remote_code); none is run"
        if name == MODULES:
            yield from _module_problems(path, content)


def _module_problems(path: Path, modules: Any) -> Iterator[str]:
    types = [str(value) for key, value in _entries(modules) if key == "type"]
    foreign = [kind for kind in types if not kind.startswith("sentence_transformers.")]
    if foreign:
        yield f"{MODULES}: modules from elsewhere than sentence-transformers: {some(foreign)}; no such code is run"
    places = [str(value) for key, value in _entries(modules) if key == "path"]
    outside = [place for place in places if not (path / place).resolve().is_relative_to(path.resolve())]
    if outside:
        yield f"{MODULES}: modules outside the directory: {some(outside)}; only what lies in it ships"
        return
    for module in modules if isinstance(modules, list) else ():
        kind, place = (str(module.get(key, "")) if isinstance(module, dict) else "" for key in ("type", "path"))
        name = kind.rpartition(".")[2]
        if place and name not in _NEEDS_NO_FILE:
            needed = ("config.json", WEIGHTS) if name == "Dense" else ("config.json",)
            lacking = [file for file in needed if not (path / place / file).is_file()]
            if lacking:
                yield f"{MODULES} lists {name} in {place}, which has no {' and no '.join(lacking)}: upload all of it"


def _format_problems(candidate: Candidate) -> Iterator[str]:
    """Name what is wrong with the directory as the kind of model that the option says."""
    path, strategy = candidate.path, candidate.strategy
    foreign, words = _OTHER_KIND[strategy]
    if (path / foreign).exists():
        yield f"{foreign}: {words}"
    missing = [name for name in _NEEDED[strategy] if not (path / name).is_file()]
    if missing == [WEIGHTS]:  # in several files, or in the directory of the first module
        directory, _ = first_module(path)
        missing = [] if (directory / INDEX).is_file() or (directory / WEIGHTS).is_file() else missing
    if missing:
        present = some(sorted(file.name for file in path.glob("*")))
        below = [file.parent for file in sorted(path.glob(f"*/{missing[0]}"))]
        if below:
            yield f"no {missing[0]} in it, but in {some([one.name for one in below])}; give that directory: {below[0]}"
            return
        yield f"no {' and no '.join(missing)} in it (found: {present}); expected {KINDS[strategy]}"
        return
    try:
        if strategy == "lora":
            yield from _adapter_problems(path)
        else:
            yield from _empty_problems(weight_shapes(path))
    except CheckpointError as error:
        yield str(error)


def _adapter_problems(path: Path) -> Iterator[str]:
    """Name what is wrong or cannot be verified in an adapter's two files; a CheckpointError if one cannot be read."""
    config = read_object(path / ADAPTER_CONFIG, "peft_type")
    if config["peft_type"] != "LORA":
        yield f"{ADAPTER_CONFIG}: peft_type is {config['peft_type']!r}; only LORA can be verified here"
        return
    config = read_object(path / ADAPTER_CONFIG, "peft_type", "r", "lora_alpha", "target_modules")
    shapes = tensor_shapes(path / ADAPTER)
    yield from (f"{ADAPTER_CONFIG}: {problem}" for problem in _config_problems(config, shapes))
    yield from _empty_problems(shapes)
    foreign = [name for name in shapes if _FOREIGN.search(name) and not _OWN.search(name)]
    if foreign:
        yield f"{ADAPTER}: {some(foreign)}: not a LoRA matrix of a linear layer; what it does cannot be verified here"
    odd = [name for name, shape in shapes.items() if re.search(r"\.lora_[AB]\.weight$", name) and len(shape) != 2]
    if odd:
        yield f"{ADAPTER}: {some(odd)}: not a matrix; only LoRA on linear layers can be verified here"


def _empty_problems(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    empty = [name for name, shape in shapes.items() if 0 in shape]
    if empty:
        yield (
            f"{len(empty)} of {len(shapes)} tensors are empty ({some(empty)}): a sharded training (ZeRO-3, FSDP) that "
            "was not gathered before it was saved; save the full state dict"
        )


def _config_problems(config: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
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
    layers = sorted({name.partition(".lora_")[0] for name in shapes if ".lora_" in name})
    for key in ("rank_pattern", "alpha_pattern"):
        for pattern in config.get(key) or {}:
            with suppress(re.error):  # said above
                if not any(re.fullmatch(rf"(.*\.)?({pattern})", layer) for layer in layers):
                    yield f"{key}: {pattern!r} matches no adapted layer; expected one such as {some(layers[:1])}"
    library = (config.get("auto_mapping") or {}).get("parent_library", "transformers.")
    if not str(library).startswith("transformers."):
        yield f"auto_mapping.parent_library is {library!r}; expected a module of transformers"


def _target_problems(config: dict[str, Any]) -> Iterator[str]:
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


def _entries(content: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, at any depth."""
    if isinstance(content, dict):
        yield from content.items()
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _entries(item)
