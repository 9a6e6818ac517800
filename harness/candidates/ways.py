"""Every way in which a user would open a candidate, by the libraries' own calls. Runs in a stage.

Nothing is verified on the way: what these calls make of a model, without a word, is what is to be found out.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.checkpoints import ADAPTER_CONFIG, MODULES, PROBE_TEXTS, merge, read_json, settings_of
from harness.encoding import embed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentence_transformers import SentenceTransformer

    from harness.candidates.find import Candidate
    from harness.checkpoints import ResolvedBase
    from harness.stages import Progress


def enter(candidate: Candidate, base: ResolvedBase, seed: int, out: Path, progress: Progress) -> dict[str, Any]:
    """Opens a candidate in every way, and encodes the probe texts.

    Args:
        candidate: The candidate.
        base: What an adapter goes on.
        seed: Another one in each process: weights that are made up at random then show. A forkserver's children
            would otherwise all draw the same ones.
        out: File for the embeddings: way -> float32 of shape `(n_probes, dimension)`.
        progress: Receives the share of the ways taken.

    Returns:
        `settings`: way -> the opened model's settings; `errors`: way -> why it could not be opened.
    """
    import torch
    from safetensors.numpy import save_file

    arrays, settings, errors = {}, {}, {}
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory(prefix="harness-ways-") as scratch:
        ways = WAYS[candidate.strategy]
        for number, (name, way) in enumerate(ways.items(), start=1):
            try:
                model = way(candidate, base, Path(scratch))
                if model is not None:
                    arrays[name] = embed(model, PROBE_TEXTS)
                    settings[name] = settings_of(model)
            except Exception as error:  # noqa: BLE001 - whatever it is, a user would meet it here
                errors[name] = f"{type(error).__name__}: {error}"
            progress(number / len(ways), name)
    save_file(arrays, out)
    return {"settings": settings, "errors": errors}


def _open(path: Path) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(path), local_files_only=True, trust_remote_code=False)


def _peft(candidate: Candidate, base: ResolvedBase, _scratch: Path) -> SentenceTransformer:
    from peft import PeftModel

    model = _open(base.path)
    transformer: Any = model.transformers_model
    model[0].model = PeftModel.from_pretrained(transformer, str(candidate.path))
    return model


def _merged(candidate: Candidate, base: ResolvedBase, scratch: Path) -> SentenceTransformer:
    return merge(_peft(candidate, base, scratch))


def _load_adapter(candidate: Candidate, base: ResolvedBase, _scratch: Path) -> SentenceTransformer:
    model = _open(base.path)
    model.load_adapter(str(candidate.path))
    return model


def _directory(candidate: Candidate, base: ResolvedBase, scratch: Path) -> SentenceTransformer | None:
    """The adapter's directory as a model of its own, where it is one."""
    if not (candidate.path / MODULES).is_file():
        return None
    # In a copy that names the verified base: the path or hub id that it names need not exist on this machine.
    copy = shutil.copytree(candidate.path, scratch / "directory")
    config = {**read_json(copy / ADAPTER_CONFIG), "base_model_name_or_path": str(base.path), "revision": None}
    (copy / ADAPTER_CONFIG).write_text(json.dumps(config), encoding="utf-8")
    return _open(copy)


def _merged_and_saved(candidate: Candidate, base: ResolvedBase, scratch: Path) -> SentenceTransformer:
    return _saved(_merged(candidate, base, scratch), scratch)


def _whole(candidate: Candidate, _base: ResolvedBase, _scratch: Path) -> SentenceTransformer:
    return _open(candidate.path)


def _whole_and_saved(candidate: Candidate, _base: ResolvedBase, scratch: Path) -> SentenceTransformer:
    return _saved(_open(candidate.path), scratch)


def _saved(model: SentenceTransformer, scratch: Path) -> SentenceTransformer:
    model.save_pretrained(str(scratch / "saved"), create_model_card=False)
    return _open(scratch / "saved")


WAYS: Mapping[str, Mapping[str, Any]] = {
    "lora": {
        "PeftModel.from_pretrained": _peft,
        "PeftModel.merge_and_unload": _merged,
        "SentenceTransformer.load_adapter": _load_adapter,
        "SentenceTransformer(DIR)": _directory,
        "merged, saved and opened again": _merged_and_saved,
    },
    "full": {
        "SentenceTransformer(DIR)": _whole,
        "saved and opened again": _whole_and_saved,
    },
}
"""Strategy -> name of the way -> how: a model, or None where the way does not lead to this candidate."""
