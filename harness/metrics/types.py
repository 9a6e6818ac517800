"""The types that metrics read and return, and the row of the `METRICS` table."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, WithJsonSchema

from harness.metrics.tally import Integers, Labels, Tally, Values

Number = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "null"}]}),
]
"""A float that is NaN where undefined: JSON has no NaN, and null stands for it. pydantic writes NaN as null itself."""


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs under one model: everything a metric may look at. All attributes are in the same order of pairs.

    Attributes:
        scores: Cosine similarity of each pair, shape `(n_pairs,)`, in [-1, 1].
        labels: 1 for compatible, 0 for not, shape `(n_pairs,)`.
        pair_means: Mean of the two text embeddings of each pair, shape `(n_pairs, dimension)`.
        categories: Category of each pair.
        pair_types: Pair type of each pair.
        grades: Graded similarity of each pair, shape `(n_pairs,)`, where the labels come from grades.
    """

    scores: Values
    labels: Labels
    pair_means: Values
    categories: tuple[str, ...]
    pair_types: tuple[str, ...]
    grades: Values | None = None


@dataclass(frozen=True)
class MetricResult:
    """One metric of one model.

    Attributes:
        value: The metric, or NaN where it is undefined. Never 0 for undefined.
        reason: Why the value is NaN, in words; empty where it is a number.
        details: What belongs to the value, as strict JSON has it: no NaN, no infinity. Empty where the input allowed no
            computation at all.
    """

    value: Number
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupResult:
    """The pairs of one category or pair type.

    Attributes:
        count: Number of pairs.
        positives: Number of pairs with label 1.
        negatives: Number of pairs with label 0.
        mean_positive: Mean score of the positive pairs, in [-1, 1]; NaN if there are none.
        mean_negative: Mean score of the negative pairs, in [-1, 1]; NaN if there are none.
        metrics: Key of `METRICS`, those with `by_group` -> value; NaN if undefined.
        reason: Why something is NaN, in words; else empty.
    """

    count: int
    positives: int
    negatives: int
    mean_positive: Number
    mean_negative: Number
    metrics: Mapping[str, Number]
    reason: str = ""


@dataclass(frozen=True)
class Evaluation:
    """Every metric of one model on a set of pairs.

    Attributes:
        metrics: Key of `METRICS` -> result.
        categories: Category -> result on its pairs.
        pair_types: Pair type -> result on its pairs.
        scores: Score of each pair, in the order of the pairs.
    """

    metrics: Mapping[str, MetricResult]
    categories: Mapping[str, GroupResult]
    pair_types: Mapping[str, GroupResult]
    scores: tuple[Number, ...]

    def result(self, metric: str, category: str = "") -> MetricResult:
        """Return a metric over all pairs or those of a category."""
        if not category:
            return self.metrics[metric]
        group = self.categories[category]
        return MetricResult(group.metrics[metric], group.reason)

    @property
    def clusters(self) -> Integers | None:
        """Cluster of each pair, -1 for noise, shape `(n_pairs,)`; None where no metric found clusters."""
        found = (result.details.get("cluster_labels") for result in self.metrics.values())
        labels = next((labels for labels in found if labels is not None), None)
        return None if labels is None else np.array(labels, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A row of the `METRICS` table.

    Attributes:
        title: The name in reports.
        function: Pairs in, value out.
        weighted: The same of pairs that carry weights, for many resamples at once: shape `(n_resamples,)`.
        direction: Whether a higher or a lower value is better.
        unit: What the value counts, for axes and tables.
        low: Least possible value.
        high: Greatest possible value.
        floor: Least tolerance of a trained model, in the metric's unit: the training seeds may happen to agree.
        base_tolerance: Tolerance of the base, which only another machine's arithmetic can move.
        chart: Key of the chart that shows it; empty where none does.
        interval: Key of `INTERVALS` in `harness.statistics.bootstrap`: percentiles of resamples, unless those are known
            to miss. `corrected`: it chooses what fits the data best, such as the majority of each cluster, and each
            resample chooses anew.
        by_rank: Whether it depends on the ranks of the scores only; two models then swap ranks, not scores.
        by_group: Whether it is computed of each category and pair type.
        by_category: Whether it is also stored, and compared, for each category; needs `by_group`.
        no_skill_above_zero: Whether a model that knows nothing is far above 0, so that relative performance flatters.
        terms: Of a ratio of two sums over the pairs that is no function of the scores: numerator and denominator of
            each pair, from its labels and clusters, shape `(n_pairs, 2)`. Two models swap these.
    """

    title: str
    function: Callable[[ScoredPairs], MetricResult]
    weighted: Callable[[Tally], Values]
    direction: Literal["higher", "lower"] = "higher"
    unit: str
    low: float = 0.0
    high: float = 1.0
    floor: float
    base_tolerance: float = 0.001
    chart: str = ""
    interval: Literal["percentile", "corrected", "auc", "best_f1"] = "percentile"
    by_rank: bool = False
    by_group: bool = False
    by_category: bool = False
    no_skill_above_zero: bool = False
    terms: Callable[[Labels, Integers], Values] | None = None
