"""Drift: two tests that new texts come from where the old ones came from, by their embeddings, and metrics held apart.

Both tests permute which text is old and which is new, so their p-values are valid for any model and any number of texts
(the texts being independent, which repeated ones are not: give each once).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.metrics import Number
from harness.metrics.tally import Values
from harness.statistics.intervals import Interval

DRIFT_LEVEL = 0.01
"""Chance that a check finds drift where there is none. It is shared by the two tests (Bonferroni)."""

LEAST_TEXTS = 20
"""Texts of each side that a test needs: with fewer, an AUC of 0.75 is chance."""

_FOLDS = 5
_PERMUTATIONS = {"classifier": 199, "mmd": 999}  # a classifier is trained 1,000 times, a kernel is computed once


@dataclass(frozen=True)
class Drift:
    """New embeddings held against old ones.

    Attributes:
        auc: Out-of-fold AUC-ROC of a classifier that tells new from old: 0.5 where it cannot, 1 where it always can.
        auc_p: Its p-value, a permutation test's.
        mmd: Squared maximum mean discrepancy, unbiased: about 0 without drift, also below it.
        mmd_p: Its p-value, likewise.
        reason: Why all of them are NaN; else empty.
    """

    auc: Number
    auc_p: Number
    mmd: Number
    mmd_p: Number
    reason: str = ""

    @property
    def found(self) -> bool:
        """True if either test finds drift."""
        return min(self.auc_p, self.mmd_p) <= DRIFT_LEVEL / 2


def embedding_drift(old: NDArray[np.floating], new: NDArray[np.floating], *, seed: int) -> Drift:
    """Hold the embeddings of new texts against those of old ones.

    Args:
        old: Embeddings of distinct texts, shape `(n_old, dimension)`.
        new: Embeddings of distinct texts, shape `(n_new, dimension)`. A text that is on both sides makes drift harder
            to find, and is never a false alarm.
        seed: Of folds and permutations.

    Source:
        D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", 2017; its p-value is a permutation test's
        (M. Ojala and G. Garriga, 2010), since out-of-fold predictions are not independent, as a binomial test takes
        them to be. A. Gretton et al., "A kernel two-sample test", 2012, with the median heuristic.
    """
    fewest = min(len(old), len(new))
    if fewest < LEAST_TEXTS:
        words = f"too few texts: {len(new)} new and {len(old)} old, expected at least {LEAST_TEXTS} of each"
        return Drift(*(math.nan,) * 4, reason=words)
    vectors = np.concatenate([old, new]).astype(np.float64)
    is_new = np.arange(len(vectors)) >= len(old)
    return Drift(*_classifier_test(vectors, is_new, seed), *_mmd_test(vectors, is_new, seed))


def difference_interval(now: float, of_now: Interval, stored: float, of_stored: Interval) -> Interval:
    """Return the 95 % interval of `now - stored`, of two values on independent pairs, from the interval of each.

    Each end is as far from the difference as the ends that it comes from are from their values, squared and added.

    Example:
        >>> difference_interval(0.8, Interval(0.75, 0.84), 0.9, Interval(0.87, 0.94))
        Interval(low=-0.164..., high=-0.05, reason='')

    Source:
        G. Zou and A. Donner, "Construction of confidence limits about effect measures", 2008 (square-and-add, MOVER).
    """
    if reason := of_now.reason or of_stored.reason:
        return Interval.none(reason)
    difference = now - stored
    low = difference - math.hypot(now - of_now.low, of_stored.high - stored)
    return Interval(low, difference + math.hypot(of_now.high - now, stored - of_stored.low))


def _classifier_test(vectors: Values, is_new: NDArray[np.bool_], seed: int) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, permutation_test_score

    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    auc, _, p_value = permutation_test_score(
        LogisticRegression(),
        vectors,
        is_new,
        cv=folds,
        scoring="roc_auc",
        n_permutations=_PERMUTATIONS["classifier"],
        random_state=seed,
    )
    return float(auc), float(p_value)


def _mmd_test(vectors: Values, is_new: NDArray[np.bool_], seed: int) -> tuple[float, float]:
    from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel

    distances = euclidean_distances(vectors, squared=True)
    median = float(np.median(distances[np.triu_indices(len(vectors), 1)]))
    kernel = rbf_kernel(vectors, gamma=1 / median) if median > 0 else np.ones_like(distances)
    np.fill_diagonal(kernel, 0.0)
    rng = np.random.default_rng(seed)
    permuted = rng.permuted(np.tile(is_new, (_PERMUTATIONS["mmd"], 1)), axis=1)
    sides = np.concatenate([is_new[np.newaxis], permuted]).astype(np.float64)
    new = is_new.sum()
    old = len(is_new) - new
    # Sums of the kernel within the new, between both, and within the old, of all permutations in one product.
    toward_new = sides @ kernel
    within_new = (toward_new * sides).sum(axis=1)
    between = toward_new.sum(axis=1) - within_new
    within_old = kernel.sum() - within_new - 2 * between
    found = within_new / (new * (new - 1)) + within_old / (old * (old - 1)) - 2 * between / (new * old)
    as_large = np.count_nonzero(found >= found[0] - 1e-12)  # the observed one among them
    return float(found[0]), as_large / len(found)
