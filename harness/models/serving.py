"""Every source of a model as one that encodes: the step that encodes for a run, and a model that is served."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from harness.data.sides import Side
from harness.execution.step import AUTO, MODEL, Device, Step
from harness.models.checkpoint import Checkpoint
from harness.models.elsewhere import ENCODE_ENDPOINT, encode_elsewhere
from harness.models.embeddings import EncodingFacts
from harness.models.encoder import Encoder
from harness.models.encoding import ENCODE, LIBRARIES, Opened
from harness.models.endpoint import Endpoint
from harness.models.loading import open_checkpoint
from harness.models.user_encoder import UserEncoder

ModelSource = Checkpoint | UserEncoder | Endpoint
"""Where the embeddings of a model come from."""

ENCODE_USER = Step(
    "user_embeddings", run=encode_elsewhere, result=EncodingFacts, resource=MODEL, files=True, libraries=LIBRARIES
)

ENCODERS: Mapping[type[ModelSource], Step[Any]] = {
    Checkpoint: ENCODE,
    UserEncoder: ENCODE_USER,
    Endpoint: ENCODE_ENDPOINT,
}
"""Kind of a source -> the step that encodes the texts of a run with it."""

_ONE_BATCH = 1 << 20


def open_encoder(source: ModelSource, device: Device) -> Encoder:
    """Open a model for use; on the device where it is opened here, and then all texts of a call are one batch."""
    if isinstance(source, Checkpoint):
        return Opened(open_checkpoint(source, device), _ONE_BATCH)
    return source.open()


def time_encoding(
    source: ModelSource, texts: Sequence[str], side: Side, device: Device = AUTO
) -> Generator[float | None, int, None]:
    """Serve a model: for each batch size that is sent, encode that many texts in one call and yield the seconds."""
    encoder = open_encoder(source, device)
    seconds = None
    while True:
        size = yield seconds
        started = time.perf_counter()
        encoder.encode(texts[:size], side=side)
        seconds = time.perf_counter() - started
