"""Every metric of scored pairs, with its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from harness.analyses.uncertainty import measure_uncertainty
from harness.api.pairs import Texts, pair_set, score_vector
from harness.data import PairSet
from harness.errors import DataError
from harness.metrics import METRICS, Evaluation, GroupResult, ScoredPairs, evaluate
from harness.text import aligned, count, number


@dataclass(frozen=True)
class MetricValue:
    """One metric.

    Attributes:
        value: NaN where undefined.
        low: Lower end of its 95 % bootstrap interval; NaN where there is none.
        high: Its upper end.
        reason: Why something is NaN, in words; else empty.
        details: What belongs to the value, such as the ROC curve.
    """

    value: float
    low: float
    high: float
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, repr=False)
class ScoreMetrics:
    """Every metric of scored pairs; `metrics["spearman"]` is one of them.

    Attributes:
        metrics: Key of `METRICS` -> value.
        categories: Category -> the metrics of its pairs; empty where no categories were given.
        pair_types: Pair type -> the metrics of its pairs; empty where no pair types were given.
        pairs: Number of pairs.
        negatives: How many of them have label 0.
    """

    metrics: Mapping[str, MetricValue]
    categories: Mapping[str, GroupResult]
    pair_types: Mapping[str, GroupResult]
    pairs: int
    negatives: int

    def __getitem__(self, metric: str) -> MetricValue:
        return self.metrics[metric]

    def __repr__(self) -> str:
        rows = [_row(name, found) for name, found in self.metrics.items()]
        head = f"{count(self.pairs, 'pair')}, {self.negatives:,} of them negative"
        return "\n".join([head, *aligned(("metric", "value", "95 % interval"), rows, right=(1,))])


def compute_metrics(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    texts: Texts | None = None,
    categories: Sequence[str] | None = None,
    pair_types: Sequence[str] | None = None,
    pair_means: ArrayLike | None = None,
) -> ScoreMetrics:
    """Compute every metric of scored pairs, with its 95 % bootstrap interval.

    Args:
        scores: Similarity of each pair, such as a cosine, shape `(n_pairs,)`.
        labels: 1 for a positive pair, 0 for a negative one, shape `(n_pairs,)`.
        texts: Both texts of each pair: pairs that share a text are not independent, and their interval is wider.
        categories: Category of each pair.
        pair_types: Pair type of each pair.
        pair_means: Mean of both embeddings of each pair, shape `(n_pairs, dimension)`; cluster purity needs it.

    Raises:
        DataError: Something has not one value a pair, or is no number, or a label is not 0 or 1.

    Example:
        >>> found = compute_metrics([0.9, 0.2, 0.7, 0.4], [1, 0, 0, 1])
        >>> found["auc_roc"].value, found["spearman"].value
        (0.75, 0.4472135954999579)
    """
    pairs = pair_set(labels, texts=texts, categories=categories, pair_types=pair_types)
    return measured(evaluation_of("scores", scores, pairs, pair_means), pairs)


def evaluation_of(name: str, scores: ArrayLike, pairs: PairSet, pair_means: ArrayLike | None = None) -> Evaluation:
    """Evaluate scores of pairs; `name` is what an error calls them."""
    vector = score_vector(name, scores, len(pairs))
    means = np.empty((len(pairs), 0)) if pair_means is None else np.asarray(pair_means, dtype=np.float64)
    try:
        return evaluate(ScoredPairs(vector, pairs.labels, means, pairs.categories, pairs.pair_types))
    except ValueError as error:
        raise DataError(f"pair_means: {error}") from None


def measured(evaluation: Evaluation, pairs: PairSet) -> ScoreMetrics:
    """Return an evaluation with the interval of each value."""
    found = measure_uncertainty(evaluation=evaluation, pairs=pairs, stored=None, categories=()).intervals
    return ScoreMetrics(
        metrics={
            name: MetricValue(
                result.value, found[name].low, found[name].high, result.reason or found[name].reason, result.details
            )
            for name, result in evaluation.metrics.items()
        },
        categories={name: group for name, group in evaluation.categories.items() if name},
        pair_types={name: group for name, group in evaluation.pair_types.items() if name},
        pairs=len(pairs),
        negatives=int(np.count_nonzero(pairs.labels == 0)),
    )


def _row(name: str, found: MetricValue) -> list[str]:
    unit = METRICS[name].unit
    defined = found.low == found.low
    interval = f"{number(found.low, unit)} to {number(found.high, unit)}" if defined else f"none: {found.reason}"
    return [name, number(found.value, unit), interval]
