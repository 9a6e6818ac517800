"""The interval of a share that was counted in a random sample."""

from harness.statistics.intervals import Interval


def share_interval(count: int, sampled: int, total: int) -> Interval:
    """95 % score interval (Wilson) of the share of all that `count` of those sampled belong to.

    Args:
        count: Of the sample, those that belong to it.
        sampled: Size of the sample, at least 1.
        total: Size of what it was drawn from. Where all of it was looked at, the share is known, and nothing is left of
            the interval.

    Example:
        >>> share_interval(0, 500, 100_000)
        Interval(low=0.0, high=0.007624340461552241, reason='')
        >>> share_interval(3, 6, 6)
        Interval(low=0.5, high=0.5, reason='')
    """
    if sampled == total:
        return Interval(count / total, count / total)
    from scipy.stats import binomtest

    found = binomtest(count, sampled).proportion_ci(0.95, method="wilson")
    return Interval(float(found.low), float(found.high))
