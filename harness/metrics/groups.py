"""The metrics that make sense in small groups, per category or pair type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.metrics.checks import require_length, split_scores, why_undefined
from harness.metrics.ranking import auc_roc
from harness.metrics.separation import cohens_d, margin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.metrics.types import ScoredPairs


@dataclass(frozen=True)
class GroupResult:
    """The pairs of one category or pair type.

    Attributes:
        count: Number of pairs.
        positives: Number of pairs with label 1.
        negatives: Number of pairs with label 0.
        mean_positive: Mean score of the positive pairs, in [-1, 1]; NaN if there are none.
        mean_negative: Mean score of the negative pairs, in [-1, 1]; NaN if there are none.
        margin: See `harness.metrics.separation.margin`; NaN if undefined.
        cohens_d: See `harness.metrics.separation.cohens_d`; NaN if undefined.
        auc_roc: See `harness.metrics.ranking.auc_roc`; NaN if undefined.
        reason: Why something is NaN, in words; else empty.
    """

    count: int
    positives: int
    negatives: int
    mean_positive: float
    mean_negative: float
    margin: float
    cohens_d: float
    auc_roc: float
    reason: str


def breakdown(scored: ScoredPairs, groups: Sequence[str]) -> dict[str, GroupResult]:
    """Margin, Cohen's d and AUC-ROC of each group of pairs.

    Args:
        scored: The pairs under one model.
        groups: Group of each pair: `scored.categories` or `scored.pair_types`.

    Returns:
        A result for each group, sorted by the group's name.

    Raises:
        ValueError: If there is not one group and one label per pair.
    """
    require_length("groups", groups, len(scored.scores))
    require_length("labels", scored.labels, len(scored.scores))
    names = np.array(groups)
    return {
        name: _group(f"group {name!r}", scored.scores[names == name], scored.labels[names == name])
        for name in sorted(set(groups))
    }


def _group(title: str, scores: NDArray[np.float64], labels: NDArray[np.int8]) -> GroupResult:
    """The result of one group."""
    positive, negative = split_scores(scores, labels)
    parts = margin(scores, labels), cohens_d(scores, labels), auc_roc(scores, labels)
    return GroupResult(
        count=len(scores),
        positives=len(positive),
        negatives=len(negative),
        mean_positive=_mean(positive),
        mean_negative=_mean(negative),
        margin=parts[0].value,
        cohens_d=parts[1].value,
        auc_roc=parts[2].value,
        # Said once where nothing is defined; otherwise it is Cohen's d alone that may have no value.
        reason=why_undefined(title, scores, labels) or "; ".join(part.reason for part in parts if part.reason),
    )


def _mean(values: NDArray[np.float64]) -> float:
    """The mean, NaN of no values or of values that are not all finite."""
    return float(values.mean()) if len(values) and np.isfinite(values).all() else float("nan")
