"""Every metric of one model: over all pairs and by group, and of pairs that carry weights."""

from collections.abc import Iterable

import numpy as np

from harness.metrics.checks import require_length, split_scores, why_undefined
from harness.metrics.table import METRICS
from harness.metrics.tally import Integers, Ranking, Tally, Values
from harness.metrics.types import Evaluation, GroupResult, ScoredPairs


def evaluate(scored: ScoredPairs) -> Evaluation:
    """Compute every metric of the pairs under one model, and those with `by_group` of each category and pair type.

    Raises:
        ValueError: If the attributes of `scored` do not fit each other.
    """
    return Evaluation(
        metrics={name: metric.function(scored) for name, metric in METRICS.items()},
        categories=_by_group(scored, "categories", scored.categories),
        pair_types=_by_group(scored, "pair_types", scored.pair_types),
        scores=tuple(scored.scores.tolist()),
    )


def weighted_values(ranking: Ranking, weights: Values, metrics: Iterable[str] | None = None) -> dict[str, Values]:
    """Compute metrics of every resample, as their functions do of the pairs written down that many times.

    Cluster purity holds the clustering fixed: pairs keep their cluster, and only the counts change.

    Args:
        ranking: The pairs.
        weights: Whole numbers from 0 up, shape `(n_resamples, n_pairs)`, the pairs in the order of the ranking.
        metrics: Keys of `METRICS`, those to compute; None: all.

    Returns:
        Metric -> values, shape `(n_resamples,)`, NaN where a resample has none.
    """
    tally = Tally(ranking, weights)
    both = (tally.positives > 0) & (tally.negatives > 0)
    found = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for name in METRICS if metrics is None else metrics:
            found[name] = np.where(both, METRICS[name].weighted(tally), np.nan)
    return found


def _by_group(scored: ScoredPairs, name: str, groups: tuple[str, ...]) -> dict[str, GroupResult]:
    """Group -> result on its pairs, sorted by the group's name; none of the pairs that are in no group."""
    require_length(name, groups, len(scored.scores))
    names = np.array(groups)
    return {group: _group(group, _part(scored, np.flatnonzero(names == group))) for group in sorted({*groups} - {""})}


def _part(scored: ScoredPairs, rows: Integers) -> ScoredPairs:
    categories, pair_types = (tuple(names[row] for row in rows) for names in (scored.categories, scored.pair_types))
    grades = None if scored.grades is None else scored.grades[rows]
    return ScoredPairs(
        scored.scores[rows], scored.labels[rows], scored.pair_means[rows], categories, pair_types, grades
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


def _mean(values: Values) -> float:
    """The mean, NaN of no values or of values that are not all finite."""
    return float(values.mean()) if len(values) and np.isfinite(values).all() else float("nan")
