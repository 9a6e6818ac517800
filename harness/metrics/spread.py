"""Spread of embeddings: how many directions they use, and how alike any two of them are."""

import math

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]


def mean_pairwise_cosine(embeddings: Embeddings) -> float:
    """Mean cosine similarity of all pairs of different rows, also called anisotropy.

    Args:
        embeddings: Shape `(n, dimension)`.

    Returns:
        In [-1, 1]: near 0 for unrelated directions, 1 where all rows have the same; NaN for fewer than two rows, or
        where one is all zero or not finite.

    Example:
        >>> mean_pairwise_cosine(np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32))
        0.0
    """
    rows = _unit_rows(embeddings)
    if len(rows) < 2:
        return math.nan
    total = float(np.square(rows.sum(axis=0)).sum())
    return (total - len(rows)) / (len(rows) * (len(rows) - 1))


def effective_rank(embeddings: Embeddings) -> float:
    """Number of directions that embeddings use: the exponential of the entropy of their spectrum.

    Of the rows at unit length, not centred, as in Roy and Vetterli, "The effective rank" (2007), with the squares of
    the singular values in the place of the values.

    Args:
        embeddings: Shape `(n, dimension)`.

    Returns:
        From 1, where all rows lie on one line, to `min(n, dimension)`; NaN as in `mean_pairwise_cosine`.

    Example:
        >>> effective_rank(np.array([[2.0, 0.0], [0.0, 1.0]], dtype=np.float32))
        2.0
    """
    rows = _unit_rows(embeddings)
    if len(rows) < 2 or not np.isfinite(rows).all():
        return math.nan
    spectrum = np.linalg.eigvalsh(rows.T @ rows)
    shares = spectrum[spectrum > 0] / spectrum[spectrum > 0].sum()
    return math.exp(-float((shares * np.log(shares)).sum()))


def _unit_rows(embeddings: Embeddings) -> NDArray[np.float64]:
    rows = embeddings.astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
