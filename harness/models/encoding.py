"""Model + texts -> embeddings, in a process of its own. Always fp32, and each distinct text once."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from harness.errors import CheckpointError
from harness.execution.digests import digest_of
from harness.execution.step import MODEL, Progress, Step
from harness.metrics.cosine import row_cosines
from harness.models.checkpoint import Checkpoint
from harness.models.embeddings import EMBEDDINGS
from harness.models.loading import SAVED, merge, open_checkpoint
from harness.models.record import PROBE_TEXTS

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

LIBRARIES = ("torch", "transformers", "sentence-transformers", "peft", "tokenizers")
"""The libraries whose version can change an embedding."""

SAME_MODEL = 0.9999
"""Least cosine of a probe's recorded and its reproduced embedding: far above another model, below rounding."""

_BATCH = 32
_CHUNK = 1024


@dataclass(frozen=True)
class EncodingFacts:
    """Facts about a model, found when it encoded.

    Attributes:
        parameters: Number of parameters, an adapter merged.
        weights_mb: Size of the file that would be shipped, in MB (10^6 bytes).
        seconds: Wall time of encoding the texts, without opening the model.
        texts: Number of distinct texts.
        device: Such as `cpu`.
        settings: As in `settings_of`.
    """

    parameters: int
    weights_mb: float
    seconds: float
    texts: int
    device: str
    settings: Mapping[str, Any]


def encode(
    *, checkpoint: Checkpoint, texts: Mapping[str, Sequence[str]], out: Path, progress: Progress
) -> EncodingFacts:
    """Open a model, verify that it is the one that was trained, and encode texts and probes.

    Args:
        checkpoint: The model.
        texts: Name of a set -> its texts; what is in several is encoded once.
        out: Directory for the `EMBEDDINGS` file; its arrays are float32 of shape `(n, dimension)`.
        progress: Receives the part of the texts done.

    Raises:
        CheckpointError: The model does not open, does not reproduce the probe embeddings that its training recorded, or
            changed meanwhile.
    """
    arrays: dict[str, NDArray[np.float32]] = {}
    saved = SAVED[checkpoint.strategy]
    model = saved.open(checkpoint)
    if saved.is_adapter:
        arrays["unmerged_probes"] = embed(model, PROBE_TEXTS)
        model = merge(model)
    arrays["probes"] = embed(model, PROBE_TEXTS)
    _require_recorded_probes(checkpoint, arrays["probes"])
    started = time.perf_counter()
    rows = {text: row for row, text in enumerate(dict.fromkeys(chain.from_iterable(texts.values())))}
    distinct, chunks = list(rows), []
    for start in range(0, len(distinct), _CHUNK):
        chunks.append(embed(model, distinct[start : start + _CHUNK]))
        done = min(start + _CHUNK, len(distinct))
        progress(done / len(distinct), f"text {done}/{len(distinct)}")
    seconds = time.perf_counter() - started
    embeddings = np.concatenate(chunks)
    arrays |= {name: embeddings[[rows[text] for text in members]] for name, members in texts.items()}
    checkpoint.require_unchanged()
    save_file(arrays, out / EMBEDDINGS)
    return EncodingFacts(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        weights_mb=(checkpoint.path / saved.weights).stat().st_size / 1e6,
        seconds=seconds,
        texts=len(distinct),
        device=model.device.type,
        settings=settings_of(model),
    )


ENCODE = Step("embeddings", run=encode, result=EncodingFacts, resource=MODEL, files=True, libraries=LIBRARIES)


def embed(model: SentenceTransformer, texts: Sequence[str], *, batch_size: int = _BATCH) -> NDArray[np.float32]:
    """Encode texts, to float32 of shape `(n_texts, dimension)`."""
    return model.encode(list(texts), batch_size=batch_size, show_progress_bar=False, convert_to_numpy=True)


def time_encoding(checkpoint: Checkpoint, texts: Sequence[str]) -> Generator[float | None, int, None]:
    """Serve a model: for each batch size that is sent, encode that many texts in one call and yield the seconds."""
    model = open_checkpoint(checkpoint)
    seconds = None
    while True:
        size = yield seconds
        started = time.perf_counter()
        embed(model, texts[:size], batch_size=size)
        seconds = time.perf_counter() - started


def settings_of(model: SentenceTransformer) -> dict[str, Any]:
    """Return the settings of a model as JSON values, each under the name that an error shows.

    The tokenizer is identified by its vocabulary and by the tokens of the probe texts, not by its files: those change
    their form with the version of the library that wrote them.
    """
    modules: list[Any] = list(model)
    tokenizer: Any = model.tokenizer
    tokens = tokenizer(list(PROBE_TEXTS), truncation=True, max_length=model.max_seq_length)["input_ids"]
    vocabulary = tokenizer.get_vocab()
    return {
        "modules": [type(module).__name__ for module in modules],
        "tokenizer vocabulary": f"{len(vocabulary)} tokens, sha256 {digest_of(vocabulary)[:16]}",
        "tokens of the probe texts": f"sha256 {digest_of([list(row) for row in tokens])[:16]}",
        "maximum length": model.max_seq_length,
        "pooling": [module.get_config_dict() for module in modules if hasattr(module, "pooling_mode")],
        "normalised": any(type(module).__name__ == "Normalize" for module in modules),
        "prompts": {name: text for name, text in sorted(model.prompts.items()) if text},
        "default prompt": model.default_prompt_name,
        "similarity": model.similarity_fn_name,
    }


def _require_recorded_probes(checkpoint: Checkpoint, reproduced: NDArray[np.float32]) -> None:
    record = checkpoint.read_record()
    if record is None or record.probes is None:
        return
    same_shape = record.probes.shape == reproduced.shape
    least = row_cosines(record.probes, reproduced).min() if same_shape else np.nan
    if not least >= SAME_MODEL:
        raise CheckpointError(
            f"{checkpoint.path}: the saved model is not the trained model: the probe texts' embeddings come out with "
            f"a cosine of {least:.4f} to those recorded while training; expected at least {SAME_MODEL}"
        )
