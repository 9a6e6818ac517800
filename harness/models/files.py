"""The files of a model: JSON and safetensors, read or refused with the file's name. Never a pickle."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from harness.errors import CheckpointError
from harness.execution import reading
from harness.execution.digests import digest_of, directory_digests
from harness.text import some

if TYPE_CHECKING:
    import torch

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""In the place of `WEIGHTS`, where they are split into several files: tensor -> file."""

ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
PREFIX = "base_model.model."
"""In front of each name in an adapter's file."""

MODULES = "modules.json"
"""The list of modules that makes a directory a sentence-transformers model."""

PICKLES = frozenset({".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"})
"""Suffixes of files that run code when they are opened."""

_LAYER_NORM = {"gamma": "weight", "beta": "bias"}
"""In the first models of transformers -> today."""

OUTPUT_SUFFIXES = frozenset({".json", ".txt", ".model", ".safetensors"})
"""Suffixes of the files that a model's output depends on; the rest of a directory (README, licence) does not count."""


def files_digest(path: Path, *, also: Collection[str] = ()) -> tuple[str, dict[str, str]]:
    """Return one sha256 over the files that a model's output depends on, names included, and the sha256 of each.

    The files (POSIX, relative) of `also` count whatever their suffix.
    """
    found = directory_digests(path, counts=lambda name: counts_for_output(name) or name in also)
    return digest_of(found), found


def counts_for_output(name: str) -> bool:
    """Return whether a model's output depends on a file, by its name."""
    return PurePosixPath(name).suffix in OUTPUT_SUFFIXES


def unusable_files(path: Path, *, counts: Callable[[str], bool] = lambda _: True) -> Iterator[str]:
    """Name the files below a directory, of those that count by their name, in whose place something else lies."""
    files = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if not file.is_dir()}
    names = list(filter(counts, files))
    if odd := [name for name in names if not files[name].is_file()]:
        yield f"{some(odd)}: no regular file (a pipe, a device or a link to nothing); take it away"
    if pointers := [name for name in names if files[name].is_file() and reading.is_pointer(files[name])]:
        yield f"{some(pointers)}: {reading.NOT_FETCHED}"


def read_object(path: Path, *keys: str) -> dict[str, Any]:
    """Read a JSON file that holds an object with these keys; a CheckpointError where it does not."""
    expected = f"expected {' and '.join(keys) or 'a JSON object'}"
    try:
        content = reading.read_json(path, CheckpointError)
    except CheckpointError as error:
        raise CheckpointError(f"{error}; {expected}") from None
    if not isinstance(content, dict) or not content.keys() >= set(keys):
        came = some(sorted(content)) if isinstance(content, dict) else type(content).__name__
        raise CheckpointError(f"{path}: cannot be read (it holds {came}); {expected}")
    return content


def first_module(path: Path) -> tuple[Path, str]:
    """Return directory and class of a model's first module; a directory without modules is a plain transformer."""
    return _modules(path)[0] if (path / MODULES).is_file() else (path, "Transformer")


def module_directories(path: Path) -> list[Path]:
    """Return the directory of each module of a model or of what lies beside an adapter; none without a list of them."""
    return [directory for directory, _ in _modules(path)] if (path / MODULES).is_file() else []


def _modules(path: Path) -> list[tuple[Path, str]]:
    content = reading.read_json(path / MODULES, CheckpointError)
    try:
        found = [(path / module["path"], module["type"].rpartition(".")[2]) for module in content]
    except (LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path / MODULES}: cannot be read ({error!r}); expected a list of modules") from None
    if not found:
        raise CheckpointError(f"{path / MODULES}: an empty list; expected a list of modules")
    return found


def weight_files(directory: Path) -> list[Path]:
    """Return the safetensors files of a module: one, or those of an index; a CheckpointError where one is missing."""
    if (directory / WEIGHTS).is_file():
        return [directory / WEIGHTS]
    if not (directory / INDEX).is_file():
        present = some(sorted(file.name for file in directory.glob("*"))) or "nothing"
        raise CheckpointError(
            f"{directory}: no {WEIGHTS} in it, and no {INDEX} (found: {present}); only safetensors are opened"
        )
    names = read_object(directory / INDEX, "weight_map")["weight_map"]
    files = sorted({str(name) for name in names.values()}) if isinstance(names, dict) else []
    there = {file.name for file in directory.iterdir() if file.is_file()}
    missing = [name for name in files if name not in there]
    if missing or not files:
        raise CheckpointError(
            f"{directory / INDEX}: names {some(missing) or 'no file'}; expected files that lie beside it"
        )
    return [directory / name for name in files]


def weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a model's first module, from the headers alone, or a CheckpointError.

    The oldest names of transformers are today's here, without it; the others only it can translate (`names.py`).
    """
    directory, _ = first_module(path)
    return {_today(name): shape for file in weight_files(directory) for name, shape in tensor_shapes(file).items()}


def _today(name: str) -> str:
    return re.sub(r"LayerNorm\.(gamma|beta)$", lambda found: f"LayerNorm.{_LAYER_NORM[found[1]]}", name)


def read_weights(directory: Path) -> Mapping[str, torch.Tensor]:
    """Read the tensors of a module as `read_tensors` does, from however many files."""
    return {name: tensor for file in weight_files(directory) for name, tensor in read_tensors(file).items()}


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor, from the header of a whole safetensors file, or a CheckpointError."""
    try:
        with safe_open(path, framework="numpy") as tensors:
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in sorted(tensors.keys())}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors: {reason_of(path, error)}") from None


def read_tensors(path: Path) -> Mapping[str, torch.Tensor]:
    """Read the tensors of a safetensors file; a CheckpointError where it is unreadable, or one is not finite."""
    from safetensors.torch import load_file

    if not path.is_file():
        present = ", ".join(sorted(file.name for file in path.parent.glob("*"))) or "nothing"
        raise CheckpointError(f"{path.parent}: no {path.name} in it (found: {present}); only safetensors are opened")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors: {reason_of(path, error)}") from None
    broken = sorted(name for name, tensor in tensors.items() if not tensor.isfinite().all())
    if broken:
        raise CheckpointError(f"{path}: NaN or infinite values in {some(broken)}")
    return tensors


def reason_of(path: Path, error: Exception) -> str:
    """Return why a safetensors file cannot be read, in words where the error is of what lies in its place."""
    if reading.is_pointer(path):
        return f"it is {reading.NOT_FETCHED}"
    if path.is_file() and not path.stat().st_size:
        return "it is empty; save or upload it again"
    return str(error)
