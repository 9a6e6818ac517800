"""What faults are made with: the good artefacts around them, and ways to change a file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness.checkpoints import ADAPTER_CONFIG

if TYPE_CHECKING:
    from pathlib import Path

    from peft import LoraConfig
    from sentence_transformers import SentenceTransformer

    from harness.inputs import Inputs


@dataclass(frozen=True)
class Shop:
    """What lies around: trained models that are good, and bases.

    Attributes:
        inputs: The prepared case.
        adapter: A good adapter, with the record of its training.
        other_adapter: The same, of another seed.
        whole: A good whole model, with the record of its training.
        other_base: Another base of the same shape.
        wide_base: Another base of twice the width.
    """

    inputs: Inputs
    adapter: Path
    other_adapter: Path
    whole: Path
    other_base: Path
    wide_base: Path


Break = Callable[["Path", Shop], None]
"""Makes a good artefact (a directory) a bad one, in place."""


@dataclass(frozen=True)
class Fault:
    """A way in which an artefact can be bad.

    Attributes:
        good: A key of `GOODS`: what it is made from.
        break_it: Makes it bad; its docstring says how it comes about, and where that was seen.
        caught_by: The verdict that must find it: the first that does not pass.
        says: Regular expression that its message must match.
        outcome: `inconclusive` where nothing on the disk tells, and the gate says what would have to be recorded.
        unjudged: The checks before it that it keeps from judging.
    """

    good: str
    break_it: Break
    caught_by: str
    says: str
    outcome: Literal["fail", "inconclusive"] = "fail"
    unjudged: frozenset[str] = frozenset()


def change_json(path: Path, **values: Any) -> None:
    """Sets values of a JSON object on the disk."""
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**content, **values}, indent=2), encoding="utf-8")


def change_config(directory: Path, **values: Any) -> None:
    """Sets values of an adapter's configuration."""
    change_json(directory / ADAPTER_CONFIG, **values)


def change_tensors(path: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    """Changes the tensors of a safetensors file, in place or by returning others."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    tensors = change(tensors) or tensors
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})


def rename_tensors(path: Path, old: str, new: str) -> None:
    """Replaces a part of the tensors' names."""
    change_tensors(path, lambda tensors: {name.replace(old, new): tensor for name, tensor in tensors.items()})


def read_tensors_of(path: Path) -> dict[str, Any]:
    """The tensors of a safetensors file."""
    from safetensors.torch import load_file

    return load_file(path)


def drop_record(directory: Path) -> None:
    """Takes away what the harness recorded in the training, as for a training elsewhere."""
    for name in ("training.json", "training.safetensors"):
        (directory / name).unlink()


def open_plainly(path: Path) -> SentenceTransformer:
    """Opens a model as a user does."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(path), device="cpu", local_files_only=True)


def small_lora(**changes: Any) -> LoraConfig:
    """The configuration of the good adapter, with changes."""
    from peft import LoraConfig

    return LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": ["query", "value"], **changes})


def empty(directory: Path) -> None:
    """Takes everything out of a directory."""
    shutil.rmtree(directory)
    directory.mkdir()
