"""The fingerprint of a model: by it a model is recognised on another machine, without the model itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from harness.errors import CheckpointError
from harness.execution.digests import digest_of
from harness.execution.reading import MOST_BYTES
from harness.execution.store import write_whole
from harness.metrics.cosine import row_cosines
from harness.models.encoding import SAME_MODEL
from harness.models.files import read_object
from harness.models.record import PROBE_TEXTS
from harness.text import number

_ARRAYS = ".safetensors"
_PROBES = "probes"
_SAME_NORM = 0.01  # of the mean norm
_KEYS = ("model", "digest", "prompts", "default_prompt", "width", "mean_norm", "probe_texts_digest")


@dataclass(frozen=True)
class Fingerprint:
    """Identity of a model, by what it does.

    Attributes:
        model: Its name, for people.
        digest: sha256 of what its output depends on.
        prompts: Its prompts by name.
        default_prompt: Name of the one in front of every text; empty for none.
        mean_norm: Mean norm of the probe embeddings.
        probes: Embeddings of `PROBE_TEXTS`, as the model encodes by itself, float32 of shape `(n_probes, width)`.
    """

    model: str
    digest: str
    prompts: Mapping[str, str]
    default_prompt: str
    mean_norm: float
    probes: NDArray[np.float32]

    @classmethod
    def of(cls, model: str, digest: str, settings: Mapping[str, Any], probes: NDArray[np.float32]) -> Fingerprint:
        """Return the fingerprint of a model by its settings and its probe embeddings, as `encode` finds them."""
        norm = float(np.linalg.norm(probes.astype(np.float64), axis=1).mean())
        return cls(model, digest, settings["prompts"], settings["default prompt"] or "", norm, probes)

    @property
    def width(self) -> int:
        """Width of the embeddings."""
        return int(self.probes.shape[1])

    def differences(self, other: Fingerprint) -> list[str]:
        """Name each thing in which another model is not this one; the digest alone is none, since it moves with files.

        An adapter that was merged, or a directory that was saved again, has other files and the same embeddings.
        """
        found = [
            f"{name}: {theirs!r}, expected {ours!r}"
            for name, ours, theirs in (
                ("width", self.width, other.width),
                ("prompts", dict(self.prompts), dict(other.prompts)),
                ("default prompt", self.default_prompt, other.default_prompt),
            )
            if ours != theirs
        ]
        if abs(other.mean_norm - self.mean_norm) > _SAME_NORM * self.mean_norm:
            found.append(f"mean norm: {number(other.mean_norm)}, expected {number(self.mean_norm)}")
        if self.probes.shape == other.probes.shape:
            least = float(row_cosines(self.probes, other.probes).min())
            if not least >= SAME_MODEL:
                found.append(f"probe embeddings: a cosine of {least:.4f}, expected at least {SAME_MODEL}")
        return found


def write_fingerprint(path: Path, fingerprint: Fingerprint) -> tuple[Path, Path]:
    """Write a fingerprint as JSON, and its arrays beside it; return both files."""
    content = {
        "model": fingerprint.model,
        "digest": fingerprint.digest,
        "prompts": dict(fingerprint.prompts),
        "default_prompt": fingerprint.default_prompt,
        "width": fingerprint.width,
        "mean_norm": fingerprint.mean_norm,
        "probe_texts_digest": digest_of(PROBE_TEXTS),
    }
    arrays = path.with_suffix(_ARRAYS)
    write_whole(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    arrays.write_bytes(save({_PROBES: fingerprint.probes}))
    return path, arrays


def read_fingerprint(path: Path) -> Fingerprint:
    """Read a fingerprint.

    Raises:
        CheckpointError: It cannot be read, is none, or is one of other probe texts.
    """
    content, arrays = read_object(path, *_KEYS), path.with_suffix(_ARRAYS)
    if content["probe_texts_digest"] != digest_of(PROBE_TEXTS):
        raise CheckpointError(f"{path}: made by another version, of other probe texts; write it again")
    try:
        if not arrays.is_file() or arrays.stat().st_size > MOST_BYTES:
            raise CheckpointError(f"{arrays}: no regular file of at most {MOST_BYTES:,} bytes")
        probes = load_file(arrays)[_PROBES]
    except (SafetensorError, OSError, KeyError) as error:
        raise CheckpointError(f"{arrays}: no probe embeddings can be read from it: {error}") from None
    prompts, norm = content["prompts"], content["mean_norm"]
    shape = (len(PROBE_TEXTS), content["width"])
    if not isinstance(prompts, dict) or not isinstance(norm, int | float) or probes.shape != shape:
        raise CheckpointError(f"{path}: no fingerprint, or not the one of {arrays.name}; write it again")
    model, digest, default = (str(content[key]) for key in ("model", "digest", "default_prompt"))
    return Fingerprint(model, digest, prompts, default, float(norm), probes)
