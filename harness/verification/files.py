"""Check `files`: the directory has the expected format, and nothing in it can run code. Opens no model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.errors import CheckpointError
from harness.models.files import ADAPTER_CONFIG, MODULES, PICKLES, WEIGHTS, tensor_shapes
from harness.text import some
from harness.verification.adapter import adapter_problems
from harness.verification.result import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.verification.candidate import Candidate


def check_files(candidate: Candidate) -> CheckResult:
    """Check that a candidate's files can be opened safely, and are what the option says.

    Everything that is wrong is listed. The weights are not read, but for the header of each file.
    """
    kinds = {"lora": adapter_problems, "full": _model_problems}
    problems = [*_code_problems(candidate.path), *kinds[candidate.strategy](candidate.path)]
    if problems:
        return CheckResult("fail", f"{candidate.path}: {'; '.join(problems)}")
    return CheckResult("pass", "safetensors and JSON only, in the expected format")


def _code_problems(path: Path) -> Iterator[str]:
    """Name whatever would run code that comes with the model."""
    found = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*"))}
    pickles = [name for name, file in found.items() if file.suffix.lower() in PICKLES]
    if pickles:
        yield f"{some(pickles)}: a pickle can run any code when it is opened; only safetensors ship"
    links = [name for name, file in found.items() if file.is_symlink() and file.is_dir()]
    if links:
        yield f"{some(links)}: a link to a directory: what lies there is not verified; put its files here"
    for name, file in found.items():
        if not name.endswith(".json"):
            continue
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            yield f"{name}: cannot be read as JSON: {error}"
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


def _model_problems(path: Path) -> Iterator[str]:
    if (path / ADAPTER_CONFIG).exists():
        yield f"{ADAPTER_CONFIG}: an adapter, not a whole model; gate it with --adapter"
    missing = [name for name in (MODULES, WEIGHTS) if not (path / name).is_file()]
    if missing:
        present = some(sorted(file.name for file in path.glob("*")))
        yield f"no {' and no '.join(missing)} in it (found: {present}); expected a sentence-transformers model"
        return
    try:
        tensor_shapes(path / WEIGHTS)
    except CheckpointError as error:
        yield str(error)


def _entries(content: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, at any depth."""
    if isinstance(content, dict):
        yield from content.items()
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _entries(item)
