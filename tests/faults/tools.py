"""Faults and good artefacts are made of changes to a directory; here are the changes that several of them share."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.models import ADAPTER, ADAPTER_CONFIG, WEIGHTS
from harness.models.record import ARRAYS, RECORD
from harness.run import Inputs

if TYPE_CHECKING:
    pass

ANOTHER_MODEL = "not the model that was trained"
"""Said by the check `record`."""

RECORD_IT = "record it .*record_training"
"""Said where a record would have to decide."""

OF_THE_STORE = shutil.ignore_patterns("manifest.json", "result.json")
"""Of a trained model's directory, what does not belong to the model."""


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
        by_method: A method of PEFT (`METHODS`) -> a good adapter by it, with the record of its training.
    """

    inputs: Inputs
    adapter: Path
    other_adapter: Path
    whole: Path
    other_base: Path
    wide_base: Path
    by_method: Callable[[str], Path]


Change = Callable[[Path, Shop], None]
"""Changes a directory in place."""


@dataclass(frozen=True)
class Fault:
    """A way in which an artefact can be bad.

    Attributes:
        change: Makes a good artefact bad.
        caught_by: The gate that must find it: the first that does not pass, or one of several on its values.
        says: Regular expression that its message must match.
        good: A key of `GOODS`: what it is made from.
        outcome: `inconclusive` where nothing on the disk tells, and the gate says what would have to be recorded.
    """

    change: Change
    caught_by: str
    says: str
    good: str = "adapter"
    outcome: Literal["fail", "inconclusive"] = "fail"


unrecorded = partial(Fault, good="adapter without record")
unsure = partial(unrecorded, outcome="inconclusive")
merged = partial(Fault, good="merged")
whole = partial(Fault, good="whole")
whole_unrecorded = partial(Fault, good="whole without record")

# --- changes, by what they are told -----------------------------------------------------------------------------------


def in_turn(*changes):
    def change(directory, shop):
        for one in changes:
            one(directory, shop)

    return change


def json_file(name, **values):
    return lambda directory, _: set_json(directory / name, **values)


def config(**values):
    return json_file(ADAPTER_CONFIG, **values)


def text_file(name, text):
    def change(directory, _):
        (directory / name).write_text(text, encoding="utf-8")

    return change


def pickle(name):
    return text_file(name, "never opened")


def replaced(name, old, new):
    """Replace the first occurrence in a text file."""

    def change(directory, _):
        text = (directory / name).read_text(encoding="utf-8")
        assert old in text
        (directory / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def taken_away(*names):
    def change(directory, _):
        for name in names:
            (directory / name).unlink()

    return change


def copied(source, *names):
    """Copy files from elsewhere; without names all of them."""

    def change(directory, shop):
        for name in names:
            shutil.copy(source(shop) / name, directory)
        if not names:
            shutil.copytree(source(shop), directory, ignore=OF_THE_STORE, dirs_exist_ok=True)

    return change


def empty(directory, _):
    shutil.rmtree(directory)
    directory.mkdir()


def tensors(change, file=ADAPTER):
    """Replace each tensor by what a function of its name and itself returns; None takes it away."""

    def each(found):
        changed = {name: change(name, tensor) for name, tensor in found.items()}
        return {name: tensor for name, tensor in changed.items() if tensor is not None}

    return lambda directory, _: change_tensors(directory / file, each)


def scaled(part, factor, file=ADAPTER):
    return tensors(lambda name, tensor: tensor * factor if part in name else tensor, file)


def dropped(part, file=ADAPTER):
    return tensors(lambda name, tensor: None if part in name else tensor, file)


def in_half(file=ADAPTER):
    return tensors(lambda _, tensor: tensor.half(), file)


def first_value(value):
    """Set one value of the first tensor."""

    def change(found):
        found[min(found)][0, 0] = value

    return lambda directory, _: change_tensors(directory / ADAPTER, change)


def renamed(old, new):
    """Replace a part of the tensors' names."""

    def change(found):
        return {name.replace(old, new): tensor for name, tensor in found.items()}

    return lambda directory, _: change_tensors(directory / ADAPTER, change)


def as_bert_was_saved(file=WEIGHTS, head="cls.predictions.bias"):
    """Give the tensors of a BERT the names of the first files: of a model with a head, in the oldest words."""

    def change(found):
        norm = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        end = re.compile("|".join(norm))
        named = {f"bert.{end.sub(lambda name: norm[name[0]], name)}": tensor for name, tensor in found.items()}
        return {**named, head: found["embeddings.LayerNorm.bias"].clone()}

    return lambda directory, _: change_tensors(directory / file, change)


def cut_off(file):
    """Take the last bytes away."""
    return lambda directory, _: os.truncate(directory / file, (directory / file).stat().st_size - 100)


drop_record = taken_away(RECORD, ARRAYS)
"""As for a training elsewhere."""

# --- what they are made of --------------------------------------------------------------------------------------------


def set_json(path, **values):
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**content, **values}, indent=2), encoding="utf-8")


def change_tensors(path, change):
    """Change the tensors of a safetensors file, in place or by returning others."""
    from safetensors.torch import save_file

    found = read_tensors_of(path)
    found = change(found) or found
    save_file({name: tensor.contiguous() for name, tensor in found.items()}, path, metadata={"format": "pt"})


def read_tensors_of(path):
    from safetensors.torch import load_file

    return load_file(path)


def adapted_layers(adapter):
    """Return each adapted layer of the good adapter with the change of its weight, computed without PEFT."""
    layers = [name.removesuffix(".lora_A.weight") for name in adapter if name.endswith(".lora_A.weight")]
    return {layer: 2 * adapter[f"{layer}.lora_B.weight"] @ adapter[f"{layer}.lora_A.weight"] for layer in layers}


def open_plainly(path):
    """Open a model as a user does."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(path), device="cpu", local_files_only=True)


def with_adapter(shop):
    """Open the base, and put the good adapter on it."""
    model = open_plainly(shop.inputs.base.path)
    model.load_adapter(str(shop.adapter))
    return model


def small_lora(**changes):
    """Return the configuration of the good adapter, with changes."""
    from peft import LoraConfig

    return LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": ["query", "value"], **changes})
