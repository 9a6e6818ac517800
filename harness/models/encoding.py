"""Model + texts -> embeddings, in a process of its own. Always fp32, and each distinct text once."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from harness.models.embeddings import EMBEDDINGS, EncodingFacts
from harness.models.encoder import encode_sets
from harness.models.loading import SAVED, merge
from harness.models.record import PROBE_TEXTS

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from harness.data import PairSet

LIBRARIES = ("torch", "transformers", "sentence-transformers", "peft", "tokenizers")
"""The libraries whose version can change an embedding."""

SAME_MODEL = 0.9999
"""Least cosine of a probe's recorded and its reproduced embedding: far above another model, below rounding."""

_NORMALISED = 1e-3  # from 1, of the norms of embeddings that are of one length
_BATCH = 32


def encode(
    *,
    source: Checkpoint,
    texts: Mapping[str, Sequence[Sequence[str]]],
    sides: Sides = NO_SIDES,
    device: Device = AUTO,
    out: Path,
    progress: Progress,
) -> EncodingFacts:
    """Open a model, verify that it is the one that was trained, and encode texts and probes.

    Args:
        source: The model.
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
    saved = SAVED[source.strategy]
    model = saved.open(source, device).model
    if saved.is_adapter:
        arrays["unmerged_probes"] = embed_probes(model, sides)
        model = merge(model)
    arrays["probes"] = embed_probes(model, sides)
    require_independent(model)
    _require_recorded_probes(source, arrays["probes"])
    declare(model, sides)
    started = time.perf_counter()
    encoded, count = encode_sets(Opened(model), texts, sides, progress)
    seconds = time.perf_counter() - started
    source.require_unchanged()
    save_file({**arrays, **encoded}, out / EMBEDDINGS)
    return EncodingFacts(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        weights_mb=sum(file.stat().st_size for file in saved.files(source.path)) / 1e6,
        seconds=seconds,
        texts=count,
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


@dataclass(frozen=True)
class Opened:
    """A model that is open in this process, as an `Encoder`."""

    model: SentenceTransformer
    batch_size: int = _BATCH

    def encode(self, texts: Sequence[str], *, side: Side) -> NDArray[np.float32]:
        """Encode texts as `embed` does."""
        return embed(self.model, texts, side=side, batch_size=self.batch_size)


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
    probes = embed(model, PROBE_TEXTS)
    norms = np.linalg.norm(probes, axis=1)
    settings = {
        "width of the embeddings": probes.shape[1],
        "norm of the embeddings": 1.0 if np.abs(norms - 1).max() < _NORMALISED else "any",
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
    # What a tokenizer does on the right, it does by default. A decoder reads the last token, which padding moves.
    sides = {key: getattr(tokenizer, f"{key}_side", "right") for key in ("padding", "truncation")}
    return settings | {key: side for key, side in sides.items() if side != "right"}


def require_independent(model: SentenceTransformer) -> None:
    """Raise a CheckpointError if the embedding of a text depends on the texts that it is encoded beside.

    A wrong side of padding, an attention mask that is left out, or positions that count the padding show so.
    """
    together = embed(model, PROBE_TEXTS)
    for size in (1, 5):
        least = row_cosines(together, embed(model, PROBE_TEXTS, batch_size=size)).min()
        if not least >= SAME_MODEL:
            raise CheckpointError(
                f"the embedding of a text depends on the texts beside it: in batches of {size} and of "
                f"{len(PROBE_TEXTS)} it comes out with a cosine of {least:.4f}; expected at least {SAME_MODEL}. "
                "Look at the tokenizer's padding_side and at the attention mask"
            )


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
