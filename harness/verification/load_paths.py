"""Load paths: every way a user would open a candidate, by the libraries' own calls.

Nothing is verified here: what these calls silently make of a model is what is to be found out.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.sides import NO_SIDES, Sides
from harness.execution.step import AUTO, MODEL, Device, Progress, Step
from harness.models.embeddings import EMBEDDINGS
from harness.models.encoding import LIBRARIES, declare, embed_probes, require_independent, settings_of
from harness.models.files import ADAPTER_CONFIG, MODULES, read_object
from harness.models.loading import merge, place
from harness.models.methods import BY_PEFT_ALONE
from harness.models.sources import ResolvedBase
from harness.verification.candidate import Candidate

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


_DIRECTORY = "SentenceTransformer(DIR)"


@dataclass(frozen=True)
class LoadPathFacts:
    """Load path -> the opened model's settings, or why it failed; embeddings are in the step's file `EMBEDDINGS`."""

    settings: Mapping[str, Mapping[str, Any]]
    errors: Mapping[str, str]


def try_load_paths(
    *,
    candidate: Candidate,
    base: ResolvedBase,
    seed: int,
    sides: Sides = NO_SIDES,
    device: Device = AUTO,
    out: Path,
    progress: Progress,
) -> LoadPathFacts:
    """Open a candidate by every load path, and encode the probe texts, also with the prompts of the case.

    The seed is another one in each process: weights that are drawn at random then show. Children of a forkserver would
    otherwise all draw the same ones. The file `EMBEDDINGS` has load path -> float32 of shape `(n_probes, dimension)`.
    A CheckpointError where the candidate changed meanwhile.
    """
    import torch
    from safetensors.numpy import save_file

    arrays, settings, errors = {}, {}, {}
    torch.manual_seed(seed)
    paths, where = LOAD_PATHS[candidate.strategy], place(device)
    with tempfile.TemporaryDirectory(prefix="harness-load-paths-") as scratch:
        for number, (name, load) in enumerate(paths.items(), start=1):
            try:
                model = load(candidate, base, Path(scratch))
                if model is not None:
                    model.to(where or model.device)
                    # A directory's own prompts are those that it is served with; a base has to be given the case's.
                    declare(model, sides, over=candidate.strategy == "lora" and name != _DIRECTORY)
                    require_independent(model)
                    arrays[name] = embed_probes(model, sides)
                    settings[name] = settings_of(model)
            except Exception as error:  # noqa: BLE001 - whatever it is, a user would meet it here
                errors[name] = f"{type(error).__name__}: {error}"
            progress(number / len(paths), name)
    candidate.checkpoint(base).require_unchanged()
    save_file(arrays, out / EMBEDDINGS)
    return LoadPathFacts(settings, errors)


VERIFY_LOAD_PATHS = Step(
    "load_paths", run=try_load_paths, result=LoadPathFacts, resource=MODEL, files=True, libraries=LIBRARIES
)


def _open(path: Path) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(path), local_files_only=True, trust_remote_code=False)


def _peft(candidate: Candidate, base: ResolvedBase, _scratch: Path) -> SentenceTransformer:
    from peft import PeftModel

    model = _open(base.path)
    transformer: Any = model.transformers_model
    model[0].model = PeftModel.from_pretrained(transformer, str(candidate.path))
    return model


def _load_adapter(candidate: Candidate, base: ResolvedBase, _scratch: Path) -> SentenceTransformer | None:
    """Open an adapter by transformers, where that opens its method; of another it says so, and nobody is misled."""
    if read_object(candidate.path / ADAPTER_CONFIG)["peft_type"] in BY_PEFT_ALONE:
        return None
    model = _open(base.path)
    model.load_adapter(str(candidate.path))
    return model


def _directory(candidate: Candidate, base: ResolvedBase, scratch: Path) -> SentenceTransformer | None:
    """Open the adapter's directory as a model of its own, where it is one."""
    if not (candidate.path / MODULES).is_file():
        return None
    # In a copy that names the verified base: the path or hub id that it names need not exist on this machine.
    copy = shutil.copytree(candidate.path, scratch / "directory")
    config = {**read_object(copy / ADAPTER_CONFIG), "base_model_name_or_path": str(base.path), "revision": None}
    (copy / ADAPTER_CONFIG).write_text(json.dumps(config), encoding="utf-8")
    return _open(copy)


def _saved(model: SentenceTransformer, scratch: Path) -> SentenceTransformer:
    model.save_pretrained(str(scratch / "saved"), create_model_card=False)
    return _open(scratch / "saved")


LOAD_PATHS: Mapping[str, Mapping[str, Callable[[Candidate, ResolvedBase, Path], SentenceTransformer | None]]] = {
    "lora": {
        "PeftModel.from_pretrained": _peft,
        "PeftModel.merge_and_unload": lambda *given: merge(_peft(*given)),
        "SentenceTransformer.load_adapter": _load_adapter,
        _DIRECTORY: _directory,
        "merged, saved and opened again": lambda *given: _saved(merge(_peft(*given)), given[-1]),
    },
    "full": {
        _DIRECTORY: lambda candidate, _base, _scratch: _open(candidate.path),
        "saved and opened again": lambda candidate, _base, scratch: _saved(_open(candidate.path), scratch),
    },
}
"""Strategy -> load path -> function that opens the model, or returns None where the candidate has no such path."""
