"""Check `files`: the directory has the expected format, and nothing in it can run code. Opens no model."""

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
    unusable_files,
    weight_shapes,
)
from harness.text import on_a_screen, some
from harness.verification.adapter import adapter_problems, empty_problems
from harness.verification.candidate import KINDS, Candidate, CheckResult

_NEEDED = {"lora": (ADAPTER_CONFIG, ADAPTER), "full": (MODULES, WEIGHTS)}
_OTHER_KIND = {
    "lora": (WEIGHTS, "a whole model, not an adapter alone; gate it with --full-model"),
    "full": (ADAPTER_CONFIG, "an adapter, not a whole model; gate it with --adapter"),
}

# Beside the weights, where no loader looks for them.
_LEFT_BY_A_TRAINER = re.compile(
    r"(.*/)?(training_args\.bin|optimizer\.(pt|bin)|scheduler\.pt|scaler\.pt|rng_state(_\d+)?\.pth)"
)
_NAMING_FILES = {ADAPTER_CONFIG, MODULES, INDEX}
"""JSON files that say what else must be there."""

_LONGEST_NAME = 255  # bytes

_NEEDS_NO_FILE = ("Normalize", "Dropout")
"""Modules of sentence-transformers without settings: their directory is empty, and Git keeps none."""


def check_files(candidate: Candidate) -> CheckResult:
    """Check that a candidate's files can be opened safely, and are what the option says.

    Everything that is wrong is listed. The weights are not read, but for the header of each file.
    """
    path = candidate.path
    problems = list(unusable_files(path))
    if not problems:
        contents, unreadable = _json_files(path)
        problems = [*unreadable.values(), *_code_problems(path, contents)]
        problems += [] if unreadable.keys() & _NAMING_FILES else _format_problems(candidate)
    if problems:
        return CheckResult("fail", on_a_screen(f"{path}: {'; '.join(problems)}"))
    names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*"))
    left = [name for name in names if _LEFT_BY_A_TRAINER.fullmatch(name)]
    note = f"; {some(left)}: left by a trainer, opened by nothing here; do not ship it" if left else ""
    return CheckResult("pass", f"safetensors and JSON only, in the expected format{note}")


def _json_files(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return name -> content of each JSON file, and name -> problem of each that cannot be read."""
    contents, problems = dict[str, Any](), dict[str, str]()
    for file in sorted(path.rglob("*.json")):
        name = file.relative_to(path).as_posix()
        try:
            contents[name] = read_json(file, CheckpointError)
        except CheckpointError as error:
            problems[name] = f"{name}: {str(error).removeprefix(f'{file}: ')}"
    return contents, problems


def _code_problems(path: Path, contents: Mapping[str, Any]) -> Iterator[str]:
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
    for name, content in contents.items():
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
    nowhere = [place for place in places if not _can_be_a_name(place)]
    if nowhere:
        yield f"{MODULES}: {some(nowhere)}: no directory can have such a name"
        return
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


def _can_be_a_name(place: str) -> bool:
    with suppress(UnicodeEncodeError):  # half a surrogate pair
        return "\0" not in place and all(len(part.encode()) <= _LONGEST_NAME for part in place.split("/"))
    return False


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
            yield from adapter_problems(path)
        else:
            yield from empty_problems(weight_shapes(path))
    except CheckpointError as error:
        yield str(error)


def _entries(content: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, at any depth."""
    if isinstance(content, dict):
        yield from content.items()
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _entries(item)
