"""Embeddings from an encoder that is not ours: a user's object, or an endpoint."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors.numpy import save_file

from harness.data.sides import Sides
from harness.execution.step import MODEL, Progress, Step
from harness.models.embeddings import EMBEDDINGS, EncodingFacts
from harness.models.encoder import encode_sets
from harness.models.endpoint import Endpoint
from harness.models.user_encoder import UserEncoder


def encode_elsewhere(
    *,
    source: UserEncoder | Endpoint,
    texts: Mapping[str, Sequence[Sequence[str]]],
    sides: Sides,
    out: Path,
    progress: Progress,
) -> EncodingFacts:
    """Encode texts as `harness.models.encoding.encode` does, but for the probes: there is nothing to recognise.

    Raises:
        EncoderError: It does not open, fails, or gives what are no embeddings of the texts.
    """
    encoder = source.open()
    started = time.perf_counter()
    arrays, count = encode_sets(encoder, texts, sides, progress)
    seconds = time.perf_counter() - started
    save_file(arrays, out / EMBEDDINGS)
    [width] = {array.shape[1] for array in arrays.values()}
    return EncodingFacts(
        parameters=None,
        weights_mb=None,
        seconds=seconds,
        texts=count,
        device=source.strategy,
        settings={"width": width},
    )


# With a revision: an edit here, or another version of a library, must not ask for embeddings that are paid for.
ENCODE_ENDPOINT = Step(
    "endpoint_embeddings", run=encode_elsewhere, result=EncodingFacts, resource=MODEL, files=True, revision=1
)
