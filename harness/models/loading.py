"""Opens a model after verifying that it is complete: every tensor in memory is compared with the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.errors import CheckpointError, StageError
from harness.execution.step import AUTO, Device
from harness.models.checkpoint import Checkpoint
from harness.models.comparing import missing_of, require_no_head, require_same_modules, require_same_tensors
from harness.models.files import (
    ADAPTER,
    ADAPTER_CONFIG,
    PICKLES,
    PREFIX,
    first_module,
    module_directories,
    read_object,
    read_tensors,
    read_weights,
    weight_files,
)
from harness.models.methods import is_opened, not_opened
from harness.models.names import as_opened, of_a_head, of_pretraining
from harness.models.unused import are_unused
from harness.text import some

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer  # too heavy to import, and never evaluated


class Verified(NamedTuple):
    """A model that was opened and verified.

    Attributes:
        notes: What differs between it and its files without a consequence, in words.
    """

    model: SentenceTransformer
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SavedFormat:
    """The form in which a strategy saves its models.

    Attributes:
        files: Lists the files of the weights that are shipped, of a model's directory.
        open: Opens it for use, verified; an adapter on its base, as a `PeftModel` that is not merged.
    """

    files: Callable[[Path], list[Path]]
    open: Callable[[Checkpoint, Device], Verified]
    is_adapter: bool = False


def open_checkpoint(checkpoint: Checkpoint, device: Device = AUTO) -> SentenceTransformer:
    """Open a model for use on a device, in fp32 and evaluation mode, after verifying that it is complete.

    An adapter comes back merged into its base.

    Raises:
        CheckpointError: Missing, unexpected, changed or non-finite weights, another base, or an adapter without effect.
        StageError: No such device.
    """
    saved = SAVED[checkpoint.strategy]
    opened = saved.open(checkpoint, device).model
    return merge(opened) if saved.is_adapter else opened


def merge(model: SentenceTransformer) -> SentenceTransformer:
    """Merge the adapter that a model carries as a `PeftModel` into its base, in place."""
    adapted: Any = model[0].model
    model[0].model = adapted.merge_and_unload()
    return model


def adapted_layers(adapted: Any) -> dict[str, Any]:
    """Return the layers of PEFT in a `PeftModel`, by the names that their modules have in the base."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    return {
        name.removeprefix(PREFIX).removesuffix(".token_adapter"): module
        for name, module in adapted.named_modules()
        if isinstance(module, BaseTunerLayer)
    }


def _open_base(checkpoint: Checkpoint, device: Device) -> Verified:
    return _open_directory(checkpoint.base.path, device, is_base=True)


def _open_whole(checkpoint: Checkpoint, device: Device) -> Verified:
    _require_base(checkpoint)
    return _open_directory(checkpoint.path, device)


def _open_adapter(checkpoint: Checkpoint, device: Device) -> Verified:
    from peft import PeftModel, get_peft_model_state_dict

    config = read_object(checkpoint.path / ADAPTER_CONFIG, "peft_type")
    if not is_opened(config["peft_type"]):
        raise CheckpointError(f"{checkpoint.path / ADAPTER_CONFIG}: {not_opened(config['peft_type'])}")
    tensors = read_tensors(checkpoint.path / ADAPTER)
    _require_base(checkpoint)
    model = _open_directory(checkpoint.base.path, device, is_base=True).model
    transformer: Any = model.transformers_model
    if transformer is None:
        raise CheckpointError(f"{checkpoint.base.path}: no transformer in it, so it takes no adapter")
    try:
        adapted = PeftModel.from_pretrained(transformer, str(checkpoint.path))
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        problem = f"no tensor {error} in the file" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(f"{checkpoint.path}: the adapter does not fit its base: {problem}") from None
    # PEFT only warns of missing tensors, and ignores left-over ones.
    names = [name.removeprefix(PREFIX) for name in tensors if name.startswith(PREFIX)]
    require_no_head(of_a_head(names, transformer), checkpoint.path)
    require_same_tensors(dict(get_peft_model_state_dict(adapted)), tensors, checkpoint.path)
    _require_targets(config.get("target_modules"), adapted, checkpoint.path)
    require_same_modules(model, checkpoint.path)
    model[0].model = adapted
    return Verified(model.eval())


def _whole_files(path: Path) -> list[Path]:
    return weight_files(first_module(path)[0])


SAVED: Mapping[str, SavedFormat] = {
    "base": SavedFormat(_whole_files, _open_base),
    "full": SavedFormat(_whole_files, _open_whole),
    "head": SavedFormat(_whole_files, _open_whole),
    "lora": SavedFormat(lambda path: [path / ADAPTER], _open_adapter, is_adapter=True),
}
"""Strategy -> the form in which it saves its models."""


def _open_directory(path: Path, device: Device, *, is_base: bool = False) -> Verified:
    """Open a whole model in evaluation mode, and compare each weight with the file.

    Transformers draws missing ones at random, and only logs it.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    directory, kind = first_module(path)
    tensors = read_weights(directory)
    notes: list[str] = []
    for pickle in sorted(file for file in path.rglob("*") if file.suffix in PICKLES):
        if not list(pickle.parent.glob("*.safetensors")):  # then sentence-transformers would open it
            raise CheckpointError(f"{pickle}: a pickle, which can run any code; only safetensors are opened")
    try:
        model = SentenceTransformer(
            str(path),
            device=place(device),
            local_files_only=True,
            trust_remote_code=False,
            # A weight of another shape is drawn at random like a missing one, and named below with the others.
            model_kwargs={"use_safetensors": True, "dtype": torch.float32, "ignore_mismatched_sizes": True},
        ).float()
    except (RuntimeError, ValueError, TypeError, KeyError, OSError, ImportError) as error:
        raise CheckpointError(f"{path}: cannot be opened as a sentence-transformers model: {error}") from None
    transformer: Any = model.transformers_model
    if transformer is not None:
        tensors, rest = as_opened(tensors, transformer)
        opened = transformer.state_dict()
        head = sorted(rest) if is_base else of_pretraining(of_a_head(rest, transformer), transformer)
        require_no_head(of_a_head(rest.keys() - head, transformer), path)
        if head:
            notes.append(f"{some(head)}: of a head for pre-training, on which no embedding depends")
        missing = {name: opened[name] for name in missing_of(opened, tensors)}
        if len(head) < len(rest):
            tensors |= {name: tensor for name, tensor in rest.items() if name not in head}
        elif missing and are_unused(model, missing):
            tensors |= missing
            notes.append(f"{some(sorted(missing))}: not in its files; drawn at random twice, they change no embedding")
        # Older files also hold buffers that today's model computes itself (position_ids): right if their values are.
        require_same_tensors(opened, tensors, path, dict(transformer.named_buffers()))
    elif kind == "StaticEmbedding":
        renamed = {"embeddings": "embedding.weight"}  # as model2vec calls it
        tensors = {renamed.get(name, name): tensor for name, tensor in tensors.items()}
        require_same_tensors(model[0].state_dict(), tensors, path)
    else:
        raise CheckpointError(f"{path}: the first module is a {kind}; expected a Transformer or a StaticEmbedding")
    for index, module in enumerate(model):
        if index > 0 and module.state_dict():  # such as a Dense layer after the pooling
            directory = module_directories(path)[index]
            require_same_tensors(module.state_dict(), read_weights(directory), directory)
    return Verified(model.eval(), tuple(notes))


def place(device: Device) -> str | None:
    """Return a device as torch takes it, None for the best; a StageError where the machine has none of the kind."""
    import torch

    there = {"auto": True, "cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[device]:
        has = ", ".join(name for name, found in there.items() if found)
        raise StageError(
            f"--device {device}: torch {torch.__version__} finds none on this machine; expected one of {has}"
        )
    return None if device == AUTO else device


def _require_targets(targets: Any, adapted: Any, path: Path) -> None:
    """Raise if the adapter names a module that the base does not have: PEFT is content with one that it has."""
    if not isinstance(targets, list):  # a regular expression, of which PEFT requires that it finds a module
        return
    layers = [f".{name}" for name in adapted_layers(adapted)]
    idle = sorted(target for target in targets if not any(name.endswith(f".{target}") for name in layers))
    if idle:
        raise CheckpointError(f"{path / ADAPTER_CONFIG}: target_modules: the base has no module {some(idle)}")


def _require_base(checkpoint: Checkpoint) -> None:
    record = checkpoint.read_record() if checkpoint.claims_base else None
    if record is not None and record.base_digest != checkpoint.base.digest:
        raise CheckpointError(
            f"{checkpoint.path}: trained on {record.base_name} with digest {record.base_digest}, "
            f"but the case's base is {checkpoint.base.name} with digest {checkpoint.base.digest}"
        )
