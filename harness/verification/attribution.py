"""Attribution of stored vectors: which model made each row, told by what each model makes of the same texts.

Vectors that were quantised are compared in the form in which they lie: floats and integers by cosine similarity, sign
bits by the part of them that agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.metrics.cosine import Embeddings, row_cosines

Agreement = NDArray[np.float64]
"""Of each row, how far it agrees with an embedding of its text: at most 1, shape `(n,)`."""

LEAST_AGREEMENT = 0.9997
"""From here on a row was made by the model. Measured on the real one, see `docs/index-audit.md`: encoding in bf16 and
every kind of quantisation stay above, and one step of fine-tuning leaves one row in ten there."""

LEAST_ROWS = 32
"""Of an index of integers: fewer do not tell the scale of each dimension."""

_ROUNDS = 8
_FEWEST_FITTED = 16  # rows
_SIGNS = 3  # distinct values
_INTEGERS, _BITS = "integers", "sign bits"


@dataclass(frozen=True)
class Attribution:
    """The makers of the rows of a sample.

    Attributes:
        form: Key of `FORMS`: how the vectors are stored.
        makers: Of each row the name of the model that made it; None where none of those that were tried did.
        agreement: Of each row, with the model that agrees most.
    """

    form: str
    makers: tuple[str | None, ...]
    agreement: Agreement


def attribute(vectors: NDArray[np.generic], embeddings: Mapping[str, Embeddings]) -> Attribution:
    """Say of each row of an index which model made it: the one that agrees most, if it agrees enough.

    Args:
        vectors: Rows of the index, shape `(n, width)`; see `form_of` for the forms that are told apart.
        embeddings: Name of a model -> its embeddings of the rows' texts, shape `(n, dimension)`. Where two agree alike,
            the first one made the row.
    """
    names = list(embeddings)
    form = form_of(vectors, embeddings[names[0]].shape[1])
    found = np.nan_to_num(np.stack(FORMS[form](vectors, list(embeddings.values()))), nan=-1.0)
    best = found.argmax(axis=0)
    agreements = found.max(axis=0)
    makers = tuple(
        names[maker] if value >= LEAST_AGREEMENT else None for maker, value in zip(best, agreements, strict=True)
    )
    return Attribution(form, makers, agreements)


def form_of(vectors: NDArray[np.generic], dimension: int) -> str:
    """Return the form of vectors made from embeddings of a dimension, a key of `FORMS`.

    Sign bits come in bytes, eight a byte, or one a value: as 0 and 1, or -1, 0 and 1.
    """
    if vectors.shape[1] != dimension or len(np.unique(vectors)) <= _SIGNS:
        return _BITS
    return "floats" if vectors.dtype.kind == "f" else _INTEGERS


def fits(width: int, dtype: np.dtype[np.generic], dimension: int) -> bool:
    """Tell whether vectors of this width and type can be embeddings of a dimension, as values or as packed bits."""
    return width == dimension or (dtype.kind in "iu" and dtype.itemsize == 1 and width == -(-dimension // 8))


def _float_agreement(vectors: NDArray[np.generic], made: Sequence[Embeddings]) -> list[Agreement]:
    return [row_cosines(vectors.astype(np.float32), embeddings) for embeddings in made]


def _integer_agreement(vectors: NDArray[np.generic], made: Sequence[Embeddings]) -> list[Agreement]:
    """Compare integers as they are, and with a scale and an offset for each dimension; take what recognises more rows.

    An index of integers does not hold its scales. One scale a vector does not matter to a cosine. Those of a dimension
    are fitted to what each model makes, and tried on every model: mostly all rows have the same ones.
    """
    integers = vectors.astype(np.float32)
    # What lay beyond the range of the integers was cut off: it is only known to lie there.
    ends = (integers <= integers.min(axis=0)) | (integers >= integers.max(axis=0))
    fitted = [_fitted(integers, embeddings, ends) for embeddings in made] if len(integers) >= LEAST_ROWS else []
    return [
        max(
            (row_cosines(integers, embeddings), *(_cosines(restored, embeddings, ends) for restored in fitted)),
            key=lambda cosines: int(np.count_nonzero(cosines >= LEAST_AGREEMENT)),
        )
        for embeddings in made
    ]


def _fitted(integers: Embeddings, embeddings: Embeddings, ends: NDArray[np.bool_]) -> Embeddings:
    """Return integers with the scales and offsets that a model's embeddings have.

    They are fitted on all rows, then on the half, quarter, ... that agrees most, since the rows of another model would
    bend them, and in the end on every row that is recognised.
    """
    rows = np.arange(len(integers))
    restored = _restored(integers, embeddings, ends, rows)
    for halvings in range(1, _ROUNDS + 1):
        cosines = _cosines(restored, embeddings, ends)
        recognised = np.flatnonzero(cosines >= LEAST_AGREEMENT)
        best = np.argsort(-cosines, kind="stable")[: max(_FEWEST_FITTED, len(integers) >> halvings)]
        rows = recognised if len(recognised) > len(best) else best
        restored = _restored(integers, embeddings, ends, rows)
    return restored


def _cosines(restored: Embeddings, embeddings: Embeddings, ends: NDArray[np.bool_]) -> Agreement:
    centre = restored.mean(axis=0)
    beyond = ends & (np.abs(embeddings - centre) > np.abs(restored - centre))
    return row_cosines(restored, np.where(beyond, restored, embeddings))


def _restored(
    integers: Embeddings, embeddings: Embeddings, ends: NDArray[np.bool_], rows: NDArray[np.int64]
) -> Embeddings:
    """Scale and shift each dimension to the embeddings, by least squares over some rows, without the ends."""
    inside = ~ends[rows]
    count = np.maximum(inside.sum(axis=0), 1)
    x, y = integers[rows], embeddings[rows]
    x_mean, y_mean = (np.where(inside, part, 0).sum(axis=0) / count for part in (x, y))
    x_off, y_off = (np.where(inside, part - mean, 0) for part, mean in ((x, x_mean), (y, y_mean)))
    variance = (x_off**2).sum(axis=0)
    slope = np.divide((x_off * y_off).sum(axis=0), variance, out=np.zeros_like(variance), where=variance > 0)
    return np.asarray(y_mean + slope * (integers - x_mean), dtype=np.float32)


def _bit_agreement(vectors: NDArray[np.generic], made: Sequence[Embeddings]) -> list[Agreement]:
    return [_same_signs(_bits(vectors, embeddings.shape[1]), embeddings) for embeddings in made]


def _same_signs(bits: NDArray[np.bool_], embeddings: Embeddings) -> Agreement:
    """Return the part of the signs that agree, each by the size of its value: rounding turns those near to 0 only."""
    sizes = np.abs(embeddings.astype(np.float64))
    agrees = bits == (embeddings > 0)
    return np.asarray((sizes * agrees).sum(axis=1) / sizes.sum(axis=1))


def _bits(vectors: NDArray[np.generic], dimension: int) -> NDArray[np.bool_]:
    if vectors.shape[1] == dimension:
        return vectors.astype(np.float32) > 0
    # sentence-transformers' "ubinary" is what `numpy.packbits` gives, and its "binary" that minus 128.
    packed = vectors if vectors.dtype == np.uint8 else vectors.astype(np.int16) + 128
    bits: NDArray[np.bool_] = np.unpackbits(packed.astype(np.uint8), axis=1, count=dimension).astype(bool)
    return bits


FORMS: Mapping[str, Callable[[NDArray[np.generic], Sequence[Embeddings]], list[Agreement]]] = {
    "floats": _float_agreement,
    _INTEGERS: _integer_agreement,
    _BITS: _bit_agreement,
}
"""Form in which vectors are stored -> how they are compared with the embeddings of their texts by each model."""
