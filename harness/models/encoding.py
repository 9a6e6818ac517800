"""Model + texts -> embeddings, in a process of its own. Always fp32, and each distinct text once."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from harness.data.sides import NO_SIDES, Side, Sides
from harness.errors import CheckpointError
from harness.execution.digests import digest_of
from harness.execution.step import AUTO, MODEL, Device, Progress, Step
from harness.metrics.cosine import row_cosines
from harness.models.checkpoint import Checkpoint
from harness.models.embeddings import EMBEDDINGS
from harness.models.loading import SAVED, merge, open_checkpoint
from harness.models.record import PROBE_TEXTS

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from harness.data import PairSet

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
    *,
    checkpoint: Checkpoint,
    texts: Mapping[str, Sequence[Sequence[str]]],
    sides: Sides = NO_SIDES,
    device: Device = AUTO,
    out: Path,
    progress: Progress,
) -> EncodingFacts:
    """Open a model, verify that it is the one that was trained, and encode texts and probes.

    Args:
        checkpoint: The model.
        texts: Name of a set -> its texts of each distinct side; what is in several sets is encoded once a side.
        sides: The sides of the texts.
        device: Where it encodes.
        out: Directory for the `EMBEDDINGS` file; its arrays are float32 of shape `(n, dimension)`, with one
            side's rows below the other's.
        progress: Receives the part of the texts done.

    Raises:
        CheckpointError: The model does not open, does not reproduce the probe embeddings that its training recorded, or
            changed meanwhile.
    """
    arrays: dict[str, NDArray[np.float32]] = {}
    saved = SAVED[checkpoint.strategy]
    model = saved.open(checkpoint, device)
    if saved.is_adapter:
        arrays["unmerged_probes"] = embed_probes(model, sides)
        model = merge(model)
    arrays["probes"] = embed_probes(model, sides)
    _require_recorded_probes(checkpoint, arrays["probes"])
    declare(model, sides)
    started = time.perf_counter()
    columns = zip(*texts.values(), strict=True)
    inputs = [
        (side, text)
        for side, members in zip(sides.distinct, columns, strict=True)
        for text in dict.fromkeys(chain.from_iterable(members))
    ]
    embeddings = _embed_inputs(model, inputs, progress)
    seconds = time.perf_counter() - started
    rows = {one: row for row, one in enumerate(inputs)}
    arrays |= {name: embeddings[[rows[one] for one in _inputs(sides, members)]] for name, members in texts.items()}
    checkpoint.require_unchanged()
    save_file(arrays, out / EMBEDDINGS)
    return EncodingFacts(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        weights_mb=sum(file.stat().st_size for file in saved.files(checkpoint.path)) / 1e6,
        seconds=seconds,
        texts=len(inputs),
        device=model.device.type,
        settings=settings_of(model),
    )


ENCODE = Step("embeddings", run=encode, result=EncodingFacts, resource=MODEL, files=True, libraries=LIBRARIES)


def embed(
    model: SentenceTransformer, texts: Sequence[str], *, side: Side | None = None, batch_size: int = _BATCH
) -> NDArray[np.float32]:
    """Encode texts of one side, to float32 of shape `(n_texts, dimension)`.

    Of the sides `query` and `document` it is what `encode_query` and `encode_document` give where the model declares
    the same prompts; without a side what `encode` gives.
    """
    return model.encode(
        list(texts),
        prompt=None if side is None else side.prompt,
        task=None if side is None else side.task,
        batch_size=batch_size,
        show_progress_bar=False,
        convert_to_numpy=True,
    )


def embed_pairs(model: SentenceTransformer, pairs: PairSet, sides: Sides) -> NDArray[np.float32]:
    """Encode the texts of pairs, each once a side: a row for each number in `sides.rows(pairs)`."""
    texts = zip(sides.distinct, sides.texts(pairs), strict=True)
    return np.concatenate([embed(model, members, side=side) for side, members in texts])


def embed_probes(model: SentenceTransformer, sides: Sides) -> NDArray[np.float32]:
    """Encode the probe texts as the model does by itself, and below that once for each side that has a prompt."""
    prompted = [side for side in sides.distinct if side.name and side.prompt]
    return np.concatenate([embed(model, PROBE_TEXTS, side=side) for side in (None, *prompted)])


def declare(model: SentenceTransformer, sides: Sides, *, over: bool = True) -> None:
    """Let a model declare the prompts of a case, for whoever serves it; not `over` those that it declares itself."""
    stated = {side.name: side.prompt for side in sides.distinct if side.name}
    own = {name: text for name, text in model.prompts.items() if text}
    model.prompts = {**model.prompts, **({**own, **stated} if over else {**stated, **own})}


def time_encoding(
    checkpoint: Checkpoint, texts: Sequence[str], side: Side, device: Device = AUTO
) -> Generator[float | None, int, None]:
    """Serve a model: for each batch size that is sent, encode that many texts in one call and yield the seconds."""
    model = open_checkpoint(checkpoint, device)
    seconds = None
    while True:
        size = yield seconds
        started = time.perf_counter()
        embed(model, texts[:size], side=side, batch_size=size)
        seconds = time.perf_counter() - started


def settings_of(model: SentenceTransformer) -> dict[str, Any]:
    """Return the settings of a model as JSON values, each under the name that an error shows.

    The tokenizer is identified by its vocabulary and by the tokens of the probe texts, not by its files: those change
    their form with the version of the library that wrote them.
    """
    from tokenizers import Tokenizer

    modules: list[Any] = list(model)
    tokenizer: Any = model.tokenizer
    longest = model.max_seq_length if model.max_seq_length and math.isfinite(model.max_seq_length) else None
    if isinstance(tokenizer, Tokenizer):  # of a static model, which reads all of a text
        tokens = [encoding.ids for encoding in tokenizer.encode_batch(list(PROBE_TEXTS), add_special_tokens=False)]
    else:
        tokens = tokenizer(list(PROBE_TEXTS), truncation=longest is not None, max_length=longest)["input_ids"]
    vocabulary = tokenizer.get_vocab()
    settings = {
        "modules": [type(module).__name__ for module in modules],
        "tokenizer vocabulary": f"{len(vocabulary)} tokens, sha256 {digest_of(vocabulary)[:16]}",
        "tokens of the probe texts": f"sha256 {digest_of([list(row) for row in tokens])[:16]}",
        "maximum length": longest,
        "pooling": [module.get_config_dict() for module in modules if hasattr(module, "pooling_mode")],
        "normalised": any(type(module).__name__ == "Normalize" for module in modules),
        "prompts": {name: text for name, text in sorted(model.prompts.items()) if text},
        "default prompt": model.default_prompt_name,
        "similarity": model.similarity_fn_name,
    }
    # A decoder reads the last token: padding on the other side gives another one. It is the default elsewhere.
    padding = getattr(tokenizer, "padding_side", "right")
    return settings if padding == "right" else {**settings, "padding": padding}


def _inputs(sides: Sides, texts: Sequence[Sequence[str]]) -> Iterator[tuple[Side, str]]:
    """Yield each text with its side, one side after the other."""
    for side, members in zip(sides.distinct, texts, strict=True):
        yield from ((side, text) for text in members)


def _embed_inputs(
    model: SentenceTransformer, inputs: Sequence[tuple[Side, str]], progress: Progress
) -> NDArray[np.float32]:
    """Encode texts, those of one side together: a row each."""
    chunks: list[NDArray[np.float32]] = []
    done = 0
    for side, members in groupby(inputs, key=itemgetter(0)):
        texts = [text for _, text in members]
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            chunks.append(embed(model, chunk, side=side))
            done += len(chunk)
            progress(done / len(inputs), f"text {done}/{len(inputs)}")
    return np.concatenate(chunks)


def _require_recorded_probes(checkpoint: Checkpoint, reproduced: NDArray[np.float32]) -> None:
    record = checkpoint.read_record()
    if record is None or record.probes is None:
        return
    reproduced = reproduced[: len(PROBE_TEXTS)]  # what is below has the prompts of a case
    same_shape = record.probes.shape == reproduced.shape
    least = row_cosines(record.probes, reproduced).min() if same_shape else np.nan
    if not least >= SAME_MODEL:
        raise CheckpointError(
            f"{checkpoint.path}: the saved model is not the trained model: the probe texts' embeddings come out with "
            f"a cosine of {least:.4f} to those recorded while training; expected at least {SAME_MODEL}"
        )
