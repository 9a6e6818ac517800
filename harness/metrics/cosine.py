"""Cosine similarity of embeddings, the score of a pair."""

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]


def pair_scores(embeddings: Embeddings, text_rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cosine similarity of each pair.

    Args:
        embeddings: One row a text, shape `(n_texts, dimension)`.
        text_rows: Rows of both texts of each pair, shape `(n_pairs, 2)`.

    Returns:
        In [-1, 1], shape `(n_pairs,)`; NaN where an embedding is all zero or not finite.

    Example:
        >>> embeddings = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]], dtype=np.float32)
        >>> pair_scores(embeddings, np.array([[0, 1], [0, 2]])).tolist()
        [0.0, 1.0]
    """
    return row_cosines(embeddings[text_rows[:, 0]], embeddings[text_rows[:, 1]])


def row_cosines(first: Embeddings, second: Embeddings) -> NDArray[np.float64]:
    """Cosine similarity of two matrices of shape `(n, dimension)`, row by row, computed in double precision.

    Returns:
        In [-1, 1], shape `(n,)`; NaN where a row is all zero or not finite.
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    with np.errstate(invalid="ignore"):
        cosines = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return np.asarray(np.clip(cosines, -1.0, 1.0))
