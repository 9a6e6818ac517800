"""Ranks of values, as Spearman's correlation and Mann and Whitney's U take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def average_ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Ranks from 1 to n, ascending; equal values share the mean of their ranks.

    Args:
        values: Anything that sorts, shape `(n,)`.

    Returns:
        Multiples of 1/2, shape `(n,)`: sums of them are exact.

    Example:
        >>> average_ranks(np.array([0.3, 0.1, 0.3])).tolist()
        [2.5, 1.0, 2.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(shared[inverse], dtype=np.float64)
