"""The rule by which a value that is worse than the stored one is a regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Answers = NDArray[np.bool_]


class Regression(NamedTuple):
    """Whether a value is worse than noise allows, and whether the pairs prove it. `proven` implies `worse`."""

    worse: Answers
    proven: Answers


def regression(lost: ArrayLike, allowed: ArrayLike, low: ArrayLike, high: ArrayLike) -> Regression:
    """Holds a change against its tolerance and its interval; the arguments broadcast.

    Args:
        lost: How much worse than stored a value is, in its unit; negative where it is better.
        allowed: How much worse is still noise.
        low: Lower end of the interval of the change. NaN where there is no interval: the tolerance decides alone.
        high: Its upper end.
    """
    worse = np.greater(lost, allowed)
    leaves_open = np.less_equal(low, 0) & np.greater_equal(high, 0)
    return Regression(worse, worse & ~leaves_open)
