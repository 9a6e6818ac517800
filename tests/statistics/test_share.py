"""The interval of a share is Wilson's, and a share that is known has none."""

import doctest
import math

import pytest

from harness.statistics import share, share_interval


def wilson(count, sampled, z=1.959963985):
    part = count / sampled
    centre = part + z**2 / (2 * sampled)
    spread = z * math.sqrt(part * (1 - part) / sampled + z**2 / (4 * sampled**2))
    return (centre - spread) / (1 + z**2 / sampled), (centre + spread) / (1 + z**2 / sampled)


@pytest.mark.parametrize(("count", "sampled"), [(0, 500), (1, 500), (50, 500), (499, 500), (500, 500), (3, 6)])
def test_it_is_the_score_interval(count, sampled):
    found = share_interval(count, sampled, 10_000)
    assert wilson(count, sampled) == pytest.approx((found.low, found.high), abs=1e-9)


def test_the_example_holds():
    assert 0 == doctest.testmod(share).failed
