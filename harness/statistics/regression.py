"""Rule by which a value that is worse than the stored one is a regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Regression:
    """Values held against their tolerance and their interval, in the shape of the arguments.

    Attributes:
        worse: Whether a value is worse than its tolerance.
        proven: Whether it is, and the interval of the change excludes no change.
    """

    worse: NDArray[np.bool_]
    proven: NDArray[np.bool_]


def regression(deterioration: ArrayLike, tolerance: ArrayLike, low: ArrayLike, high: ArrayLike) -> Regression:
    """Hold a change against its tolerance and its interval; the arguments broadcast.

    Args:
        deterioration: How much worse than stored a value is, in its unit; negative where it is better.
        tolerance: How much worse is still noise.
        low: Lower end of the interval of the change. NaN where there is no interval: the tolerance decides alone.
        high: Its upper end.
    """
    worse = np.greater(deterioration, tolerance)
    leaves_open = np.less_equal(low, 0) & np.greater_equal(high, 0)
    return Regression(worse, worse & ~leaves_open)
