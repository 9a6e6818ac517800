"""The interface of every model, whatever it is: texts in, embeddings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.data.sides import Side, Sides
from harness.errors import EncoderError
from harness.execution.step import Progress

_CHUNK = 1024  # texts between two signs of progress


class Encoder(Protocol):
    """A model that encodes. What a case names as `encoder = "module:function"` returns one."""

    def encode(self, texts: Sequence[str], *, side: Side) -> NDArray[np.float32]:
        """Encode texts, in their order.

        Args:
            texts: At least one.
            side: The role of all of them. Its `name` is `query`, `document`, or what else the case calls it, and empty
                where the case tells no sides; its `prompt` is the case's, which is not yet in front of the texts.

        Returns:
            Finite float32 of shape `(len(texts), dimension)`, the same dimension in every call.
        """


class CheckedEncoder:
    """An encoder of someone else's, whose every answer is verified."""

    def __init__(self, encoder: Encoder, name: str) -> None:
        self._encoder = encoder
        self._name = name
        self._width: int | None = None

    def encode(self, texts: Sequence[str], *, side: Side) -> NDArray[np.float32]:
        """Encode texts as the encoder does.

        Raises:
            EncoderError: It gave something else than finite numbers of shape `(len(texts), dimension)`, or another
                dimension than before.
        """
        return self._checked(self._encoder.encode(texts, side=side), len(texts))

    def _checked(self, answer: Any, rows: int) -> NDArray[np.float32]:
        try:
            array = np.asarray(answer)
        except Exception as error:  # noqa: BLE001 - whatever a user's object does when it is made an array
            raise self._error(f"a {type(answer).__name__}, which is no array: {error}") from None
        if array.dtype.kind != "f":
            raise self._error(f"a {type(answer).__name__} of dtype {array.dtype}; expected float32")
        if array.ndim != 2 or len(array) != rows or not array.size:
            raise self._error(f"shape {array.shape} for {rows} texts; expected ({rows}, dimension)")
        if self._width not in (None, array.shape[1]):
            raise self._error(
                f"width {array.shape[1]}, and before that {self._width}; expected one width for all texts"
            )
        self._width = array.shape[1]
        with np.errstate(over="ignore"):  # it is infinite then, which is refused
            numbers = array.astype(np.float32)
        if not np.isfinite(numbers).all():
            row = int(np.flatnonzero(~np.isfinite(numbers).all(axis=1))[0])
            raise self._error(f"NaN or infinite values, the first in row {row} of {rows}; expected finite float32")
        return numbers

    def _error(self, came: str) -> EncoderError:
        return EncoderError(f"{self._name}: gave {came}")


def encode_sets(
    encoder: Encoder, texts: Mapping[str, Sequence[Sequence[str]]], sides: Sides, progress: Progress
) -> tuple[dict[str, NDArray[np.float32]], int]:
    """Encode sets of texts, each distinct text once a side.

    Args:
        encoder: The model.
        texts: Name of a set -> its texts of each of `sides.distinct`.
        sides: The sides of the texts.
        progress: Receives the part of the texts done.

    Returns:
        Name of a set -> float32 of shape `(n, dimension)`, one side's rows below the other's; and the number of texts
        that were encoded.
    """
    distinct = {
        side: list(dict.fromkeys(chain.from_iterable(members)))
        for side, members in zip(sides.distinct, zip(*texts.values(), strict=True), strict=True)
    }
    count, done = sum(map(len, distinct.values())), 0
    chunks: list[NDArray[np.float32]] = []
    for side, members in distinct.items():
        for start in range(0, len(members), _CHUNK):
            chunk = members[start : start + _CHUNK]
            chunks.append(encoder.encode(chunk, side=side))
            done += len(chunk)
            progress(done / count, f"text {done}/{count}")
    embeddings = np.concatenate(chunks)
    rows = {one: row for row, one in enumerate((side, text) for side, members in distinct.items() for text in members)}
    return {
        name: embeddings[[rows[side, text] for side, part in zip(distinct, parts, strict=True) for text in part]]
        for name, parts in texts.items()
    }, count
