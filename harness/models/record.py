"""The record that a training leaves beside its model: by it the model is recognised wherever it is opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from harness.errors import CheckpointError
from harness.execution.digests import digest_of
from harness.models.files import read_object, reason_of
from harness.models.sources import ResolvedBase

if TYPE_CHECKING:
    from harness.data import PairSet

RECORD = "training.json"
"""Beside a trained model: its base, its training data and its recipe."""

ARRAYS = "training.safetensors"
"""Beside it: `probes`, the embeddings of `PROBE_TEXTS` as computed inside the training process, and `pairs`."""

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


@dataclass(frozen=True)
class TrainingRecord:
    """The record of a training, as read.

    Attributes:
        pairs_digest: sha256 of the file of training pairs.
        pairs: Fingerprints of the training pairs, uint64, sorted (see `PairSet.fingerprints`).
        probes: Embeddings of `PROBE_TEXTS`, float32 of shape `(n_probes, dimension)`; None where another version of
            the harness recorded those of other texts.
    """

    base_name: str
    base_digest: str
    pairs_digest: str
    pairs: NDArray[np.uint64]
    probes: NDArray[np.float32] | None


def write_record(
    directory: Path, base: ResolvedBase, pairs: PairSet, probes: NDArray[np.float32], recipe: Mapping[str, Any]
) -> None:
    """Write the record of a training beside its model; `harness.training.record_training` computes the probes."""
    save_file({"probes": probes, "pairs": pairs.fingerprints}, directory / ARRAYS)
    content = {
        "base_name": base.name,
        "base_digest": base.digest,
        "pairs_digest": pairs.digest,
        "probe_texts_digest": digest_of(PROBE_TEXTS),
        "recipe": dict(recipe),
    }
    (directory / RECORD).write_text(json.dumps(content, indent=2, sort_keys=True), encoding="utf-8")


def read_record(directory: Path) -> TrainingRecord | None:
    """Read the record beside a model; None where its training left none.

    Raises:
        CheckpointError: There is one, or half of one, that cannot be read.
    """
    if not (directory / RECORD).exists() and not (directory / ARRAYS).exists():
        return None
    content = read_object(directory / RECORD, "base_name", "base_digest", "pairs_digest", "probe_texts_digest")
    try:
        arrays = load_file(directory / ARRAYS)
        probes, pairs = arrays["probes"], arrays["pairs"]
    except (SafetensorError, OSError, KeyError) as error:
        raise CheckpointError(
            f"{directory / ARRAYS}: no probe embeddings can be read from it: {reason_of(directory / ARRAYS, error)}"
        ) from None
    same_texts = content["probe_texts_digest"] == digest_of(PROBE_TEXTS)
    return TrainingRecord(
        base_name=str(content["base_name"]),
        base_digest=str(content["base_digest"]),
        pairs_digest=str(content["pairs_digest"]),
        pairs=pairs,
        probes=probes if same_texts else None,
    )
