"""Model + texts -> embeddings, in a stage of its own. Always fp32, and each distinct text once."""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.checkpoints import (
    PROBE_TEXTS,
    Checkpoint,
    merge,
    open_checkpoint,
    open_unmerged,
    parameter_counts,
    read_record,
    settings_of,
    weights_mb,
)
from harness.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

    from harness.stages import Progress

LIBRARIES = ("torch", "transformers", "sentence-transformers", "peft", "tokenizers")
"""The libraries whose version can change an embedding."""

EMBEDDINGS = "embeddings.safetensors"
"""The file of an embedding artefact: an array a set of texts, `probes` and, for an adapter, `unmerged_probes`."""

SAME_MODEL = 0.9999
"""Least cosine between a probe's recorded and its reproduced embedding: far above another model, below rounding."""

_BATCH = 32
_CHUNK = 1024


def encode(checkpoint: Checkpoint, texts: Mapping[str, Sequence[str]], out: Path, progress: Progress) -> dict[str, Any]:
    """Opens a model, proves that it is the one that was trained, and encodes texts and probes.

    Args:
        checkpoint: The model.
        texts: Name of a set -> its texts; what stands in several is encoded once.
        out: Directory for the `EMBEDDINGS` file; its arrays are float32 of shape `(n, dimension)`.
        progress: Receives the share of texts done.

    Returns:
        Facts as JSON values: `parameters`, `weights_mb`, `encode_seconds`, `texts`, `device`, `settings`.

    Raises:
        CheckpointError: The reopened model does not reproduce the probe embeddings recorded while it was trained.
    """
    from safetensors.numpy import save_file

    arrays: dict[str, NDArray[np.float32]] = {}
    if checkpoint.strategy == "lora":
        model = open_unmerged(checkpoint)
        arrays["unmerged_probes"] = embed(model, PROBE_TEXTS)
        model = merge(model)
    else:
        model = open_checkpoint(checkpoint)
    arrays["probes"] = embed(model, PROBE_TEXTS)
    _require_recorded_probes(checkpoint, arrays["probes"])
    started = time.perf_counter()
    rows = {text: row for row, text in enumerate(dict.fromkeys(chain.from_iterable(texts.values())))}
    distinct, chunks = list(rows), []
    for start in range(0, len(distinct), _CHUNK):
        chunks.append(embed(model, distinct[start : start + _CHUNK]))
        done = min(start + _CHUNK, len(distinct))
        progress(done / len(distinct), f"text {done}/{len(distinct)}")
    embeddings = np.concatenate(chunks)
    arrays |= {name: embeddings[[rows[text] for text in members]] for name, members in texts.items()}
    save_file(arrays, out / EMBEDDINGS)
    return {
        "parameters": parameter_counts(model)["total"],
        "weights_mb": weights_mb(checkpoint),
        "encode_seconds": time.perf_counter() - started,
        "texts": len(distinct),
        "device": model.device.type,
        "settings": settings_of(model),
    }


def embed(model: SentenceTransformer, texts: Sequence[str], *, batch_size: int = _BATCH) -> NDArray[np.float32]:
    """Embeddings of texts, float32 of shape `(n_texts, dimension)`."""
    return model.encode(list(texts), batch_size=batch_size, show_progress_bar=False, convert_to_numpy=True)


def read_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """The arrays of a safetensors file by name. Imports no torch."""
    from safetensors.numpy import load_file

    return load_file(path)


def pair_scores(embeddings: NDArray[np.float32], text_rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cosine similarity of each pair, float64 of shape `(n_pairs,)`, in [-1, 1].

    Args:
        embeddings: One row a text.
        text_rows: Rows of both texts of each pair, shape `(n_pairs, 2)`.
    """
    return row_cosines(embeddings[text_rows[:, 0]], embeddings[text_rows[:, 1]])


def row_cosines(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine similarity row by row; NaN where a row is all zero."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    with np.errstate(invalid="ignore"):
        cosines = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return np.asarray(np.clip(cosines, -1.0, 1.0))


def time_encoding(checkpoint: Checkpoint, texts: Sequence[str]) -> Generator[float | None, int, None]:
    """A served stage: for each batch size asked for, encodes that many texts once and yields the seconds it took."""
    model = open_checkpoint(checkpoint)
    seconds = None
    while True:
        size = yield seconds
        started = time.perf_counter()
        embed(model, texts[:size], batch_size=size)
        seconds = time.perf_counter() - started


def _require_recorded_probes(checkpoint: Checkpoint, reproduced: NDArray[np.float32]) -> None:
    record = None if checkpoint.strategy == "base" else read_record(checkpoint.path)
    recorded = None if record is None else record.probes
    if recorded is None:
        return
    cosines = row_cosines(recorded, reproduced) if recorded.shape == reproduced.shape else np.array([np.nan])
    if not cosines.min() >= SAME_MODEL:
        raise CheckpointError(
            f"{checkpoint.path}: the saved model is not the trained model: the probe texts' embeddings come out with "
            f"a cosine of {cosines.min():.4f} to those recorded while training; expected at least {SAME_MODEL}"
        )
