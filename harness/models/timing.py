"""Encode latency of one model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.models.encoding import embed
from harness.models.loading import open_checkpoint

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from harness.models.checkpoint import Checkpoint


def time_encoding(checkpoint: Checkpoint, texts: Sequence[str]) -> Generator[float | None, int, None]:
    """Serve a model: for each batch size that is sent, encode that many texts in one call and yield the seconds."""
    model = open_checkpoint(checkpoint)
    seconds = None
    while True:
        size = yield seconds
        started = time.perf_counter()
        embed(model, texts[:size], batch_size=size)
        seconds = time.perf_counter() - started
