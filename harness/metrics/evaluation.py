"""Every metric of one model, over all pairs and by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.metrics.checks import require_length, split_scores, why_undefined
from harness.metrics.table import METRICS
from harness.metrics.types import Evaluation, GroupResult, ScoredPairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def evaluate(scored: ScoredPairs) -> Evaluation:
    """Compute every metric of one model.

    Args:
        scored: The pairs under the model.

    Raises:
        ValueError: If the attributes of `scored` do not fit each other.
    """
    return Evaluation(
        metrics={name: metric.function(scored) for name, metric in METRICS.items()},
        categories=breakdown(scored, scored.categories),
        pair_types=breakdown(scored, scored.pair_types),
        scores=tuple(scored.scores.tolist()),
    )


def breakdown(scored: ScoredPairs, groups: Sequence[str]) -> dict[str, GroupResult]:
    """Compute the metrics of each group of pairs, those with `by_group`.

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
    return {name: _group(name, _part(scored, np.flatnonzero(names == name))) for name in sorted(set(groups))}


def _part(scored: ScoredPairs, rows: NDArray[np.int64]) -> ScoredPairs:
    return ScoredPairs(
        scores=scored.scores[rows],
        labels=scored.labels[rows],
        pair_means=scored.pair_means[rows],
        categories=tuple(scored.categories[row] for row in rows),
        pair_types=tuple(scored.pair_types[row] for row in rows),
    )


def _group(name: str, scored: ScoredPairs) -> GroupResult:
    positive, negative = split_scores(scored.scores, scored.labels)
    results = {key: metric.function(scored) for key, metric in METRICS.items() if metric.by_group}
    return GroupResult(
        count=len(scored.scores),
        positives=len(positive),
        negatives=len(negative),
        mean_positive=_mean(positive),
        mean_negative=_mean(negative),
        metrics={key: result.value for key, result in results.items()},
        # Said once where nothing is defined; otherwise a metric at a time.
        reason=why_undefined(f"group {name!r}", scored.scores, scored.labels)
        or "; ".join(result.reason for result in results.values() if result.reason),
    )


def _mean(values: NDArray[np.float64]) -> float:
    """The mean, NaN of no values or of values that are not all finite."""
    return float(values.mean()) if len(values) and np.isfinite(values).all() else float("nan")
