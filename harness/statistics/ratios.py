"""The ratio of two durations with its interval, from repeated rounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Ratio:
    """A ratio with its 95 % interval."""

    value: float
    low: float
    high: float


def ratio_interval(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    """Geometric mean of paired ratios, with Student's interval of their logarithms.

    Args:
        numerators: Positive values, one a round.
        denominators: Positive values of the same rounds.

    Raises:
        ValueError: Fewer than two rounds, or not the same number of both.
    """
    from scipy.special import stdtrit

    if len(numerators) != len(denominators) or len(numerators) < 2:
        raise ValueError(
            f"expected at least two rounds of both, got {len(numerators)} numerators, {len(denominators)} denominators"
        )
    logs = np.log(np.asarray(numerators) / np.asarray(denominators))
    half = float(stdtrit(len(logs) - 1, 0.975)) * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    mean = float(logs.mean())
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half))
