"""Units of a bootstrap of pairs: not the pairs, since those of one text are not independent."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from harness.metrics.tally import Integers, Values

_BLOCK_ELEMENTS = 2**18
"""Weights in memory at once: few enough for the processor's cache, whatever the number of resamples."""

_LARGEST_KEPT = 2**22 - 2**12
"""Numbers of an array just below the 32 MB from which on glibc gives all memory back at once."""

_LARGEST_WHOLE = 1 / 50
"""Greatest share of the pairs that is drawn as a whole: a bootstrap of a handful of clusters would be too narrow."""

LEAST_UNITS = 6
"""Nothing is concluded from fewer. With five, the least two-sided p-value of a permutation test is 2 / 2**5 = 0.06."""


@dataclass(frozen=True)
class Units:
    """Groups of pairs, and single texts: drawn with replacement, as often as there are units.

    A pair is in a resample as often as its unit was drawn; with two units, as often as the product.

    Attributes:
        first: Unit of each pair, shape `(n_pairs,)`, from 0 to `count - 1`.
        second: The other unit of each pair, shape `(n_pairs,)`; `count` where it has only one.
        count: Number of units.
    """

    first: Integers
    second: Integers
    count: int


def resampling_units(text_rows: Integers) -> Units:
    """Find the units of a bootstrap that keeps pairs together where they share a text.

    Such pairs are correlated. Pairs that are linked by shared texts, over however many steps, form a group (see
    `independent_groups`), and a group of at most 1/50 of all pairs is one unit: the cluster bootstrap.

    Where texts are combined freely, each query with many passages, all pairs are one group, and there would be nothing
    to draw. Of a larger group therefore the texts are the units, and a pair comes as often as the product of the draws
    of its two texts: the pigeonhole bootstrap. A text that meets one partner only is left out of the product: what it
    does to a score cannot be told from what the partner or the pair does, and counting it would give the pair the
    variance (1 + 1)^2 - 1 = 3 instead of 1. One text with any number of partners of its own is thus one unit, too.

    The weights of two pairs have covariance 1 where they share one unit and 0 where they share none, up to the
    1/`count` of a multinomial. For a mean this is the cluster-robust variance of dyadic data, plus twice the square of
    each pair with two units: there intervals are too wide rather than too narrow, up to sqrt(3) times where texts have
    no effect at all. No bootstrap of crossed data is exact.

    Args:
        text_rows: Number of both texts of each pair, shape `(n_pairs, 2)`; any integers. Which of the two comes first
            does not matter.

    Raises:
        ValueError: If the shape does not fit, or the numbers are no integers.

    Source:
        A. C. Cameron, J. Gelbach and D. Miller, "Bootstrap-based improvements for inference with clustered errors",
        2008 (clusters, and few of them); A. B. Owen, "The pigeonhole bootstrap", 2007; A. B. Owen and D. Eckles,
        "Bootstrapping data arrays of arbitrary order", 2012 (products of weights, mildly conservative, none exact);
        P. Aronow, C. Samii and V. Assenova, "Cluster-robust variance estimation for dyadic data", 2015.
    """
    low, high = _both_texts(text_rows)
    texts = int(high.max(initial=-1)) + 1
    different = low != high
    occurrences = np.bincount(low, minlength=texts) + np.bincount(high[different], minlength=texts)
    _, couple, counts = np.unique(low * texts + high, return_inverse=True, return_counts=True)
    together = counts[couple.reshape(-1)]
    low_is_bound, high_is_bound = occurrences[low] == together, occurrences[high] == together
    group = independent_groups(text_rows)
    size, lowest = np.bincount(group), np.full(group.max(initial=-1) + 1, texts)
    np.minimum.at(lowest, group, low)
    whole = size[group] <= _LARGEST_WHOLE * len(group)
    first = np.where(whole, lowest[group], np.where(low_is_bound, high, low))
    double = ~whole & different & ~low_is_bound & ~high_is_bound
    units = np.union1d(first, high[double])
    second = np.where(double, np.searchsorted(units, high), len(units))
    return Units(np.searchsorted(units, first), second, len(units))


def draw_blocks(units: Units, resamples: int, seed: int) -> Iterator[Values]:
    """Draw units in blocks of resamples; the same for a seed, whatever the size of blocks.

    Yields:
        How often each unit is drawn: whole numbers, shape `(some resamples, count + 1)`. The last column is 1, for
        pairs without a second unit.
    """
    rng = np.random.default_rng(seed)
    for size in block_sizes(resamples, len(units.first)):
        drawn = rng.integers(units.count, size=(size, units.count)) + np.arange(size)[:, np.newaxis] * (units.count + 1)
        counts = np.bincount(drawn.reshape(-1), minlength=size * (units.count + 1)).reshape(size, -1)
        counts[:, -1] = 1
        yield counts.astype(np.float64)


def pair_weights(units: Units, draws: Values, order: Integers) -> Values:
    """Count each pair in each resample, the pairs in the given order, shape `(some resamples, n_pairs)`."""
    weights = np.take(draws, units.first[order], axis=1)
    double = np.flatnonzero(units.second[order] < units.count)
    if double.size:
        weights[:, double] *= draws[:, units.second[order][double]]
    return weights


@contextmanager
def many_short_products() -> Iterator[None]:
    """Compute on many arrays of about a block, one after the other, without what makes each of them dear.

    BLAS has one thread: two wait for each other longer than they compute, on busy cores a hundred times longer. (Sums
    of floating-point numbers then do not depend on the number of cores, either.) And memory that an array leaves is
    kept for the next one.
    """
    from threadpoolctl import threadpool_limits

    np.empty(_LARGEST_KEPT)  # glibc keeps what is free, up to twice the largest array that it was given back
    with threadpool_limits(1, user_api="blas"):
        yield


def independent_groups(text_rows: Integers) -> Integers:
    """Number the groups of pairs: those of different groups have no text in common, however many pairs lie between.

    Returns:
        The connected component of each pair, shape `(n_pairs,)`, numbered from the group with the lowest text on.

    Raises:
        ValueError: If the shape does not fit, or the numbers are no integers.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    low, high = _both_texts(text_rows)
    texts = int(high.max(initial=-1)) + 1
    edges = coo_array((np.ones(len(low), dtype=np.int8), (low, high)), shape=(texts, texts))
    _, component = connected_components(edges, directed=False)
    return np.asarray(component[low], dtype=np.int64)


def block_sizes(resamples: int, elements: int) -> list[int]:
    """Split a number of resamples into blocks of not too many weights in all, one resample at least."""
    size = max(1, _BLOCK_ELEMENTS // max(1, elements))
    return [min(size, resamples - start) for start in range(0, resamples, size)]


def _both_texts(text_rows: Integers) -> tuple[Integers, Integers]:
    """Return the lower and the higher text of each pair, numbered from 0 in the order of the given numbers."""
    if text_rows.ndim != 2 or text_rows.shape[1] != 2 or not np.issubdtype(text_rows.dtype, np.integer):
        raise ValueError(
            f"text_rows must be integers of shape (n_pairs, 2), came as {text_rows.dtype} of shape {text_rows.shape}"
        )
    _, numbers = np.unique(text_rows, return_inverse=True)
    numbers = np.sort(numbers.reshape(-1, 2).astype(np.int64), axis=1)
    return numbers[:, 0], numbers[:, 1]
