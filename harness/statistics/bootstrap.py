"""Intervals of the bootstrap: how far each metric would move with other pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from harness.metrics import METRICS
from harness.metrics.checks import require_length, why_undefined
from harness.metrics.evaluation import weighted_values
from harness.metrics.tally import Integers, Labels, Values, rank
from harness.statistics.auc_interval import auc_interval
from harness.statistics.best_f1_interval import best_f1_interval
from harness.statistics.intervals import Interval, percentile_interval
from harness.statistics.resampling import draw_blocks, many_short_products, pair_weights, resampling_units

SEED = 0
"""Of all resamples and draws: the same pairs and scores have the same interval, and detect the same, in every run."""


class _Of(Protocol):
    def __call__(
        self, observed: float, resampled: Values, *, positives: int, negatives: int, units: int
    ) -> Interval: ...


def _percentiles(*, corrected: bool) -> _Of:
    def interval(observed: float, resampled: Values, *, positives: int, negatives: int, units: int) -> Interval:
        del positives, negatives
        return percentile_interval(observed, resampled, units, corrected=corrected)

    return interval


INTERVALS: Mapping[str, _Of] = {
    "percentile": _percentiles(corrected=False),
    "corrected": _percentiles(corrected=True),
    "auc": auc_interval,
    "best_f1": best_f1_interval,
}
"""Name in a metric's row -> interval from the value of the pairs and those of the resamples."""


def intervals(
    scores: Values,
    labels: Labels,
    text_rows: Integers,
    *,
    seed: int,
    clusters: Integers | None = None,
    grades: Values | None = None,
    resamples: int = 2000,
) -> dict[str, Interval]:
    """95 % bootstrap interval of every metric of one model.

    Pairs that share a text are drawn together (see `resampling_units`). The interval answers: where might the metric of
    this model lie on other texts of the same kind? It says nothing about another training of the model.

    The result does not depend on the order of the pairs, as long as every text keeps its number. Memory does not grow
    with `resamples`.

    Args:
        scores: Similarity of each pair, shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.
        text_rows: Number of both texts of each pair, shape `(n_pairs, 2)`. Any two integers will do: with the number
            of its topic twice, pairs of a topic are drawn together.
        seed: Of the draws.
        clusters: Cluster of each pair, -1 for noise, shape `(n_pairs,)`: the detail `cluster_labels` of
            `cluster_purity`, which is NaN without. The clustering is held fixed, so the interval is too narrow where
            the clusters themselves are doubtful.
        grades: Grade of each pair, shape `(n_pairs,)`, where the labels come from grades.
        resamples: Number of resamples.

    Returns:
        Metric -> interval. A count such as `false_positives` moves with the number of pairs in a resample, too.
        NaN if the metric itself or more than 5 % of the resamples are undefined, or if fewer than 6 units could be
        drawn, as when all pairs have one text in common.

    Raises:
        ValueError: If the shapes do not fit, or there are no resamples.

    Source:
        B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 (percentile interval) and 14;
        B. Efron, "Nonparametric standard errors and confidence intervals", 1981 (bias-corrected percentile interval,
        taken for cluster purity). See `auc_interval` and `best_f1_interval` for those.
    """
    if reason := check_pairs(scores, labels, text_rows, clusters, draws=resamples):
        return dict.fromkeys(METRICS, Interval.none(reason))
    units = resampling_units(text_rows)
    ranking = rank(scores, labels, clusters, grades)
    blocks = draw_blocks(units, resamples, seed)
    with many_short_products():
        values = join([weighted_values(ranking, pair_weights(units, draws, ranking.order)) for draws in blocks])
    observed = {name: float(value[0]) for name, value in weighted_values(ranking, np.ones((1, len(scores)))).items()}
    positives = int(labels.sum())
    counts = {"positives": positives, "negatives": len(labels) - positives, "units": units.count}
    return {
        name: INTERVALS[metric.interval](observed[name], values[name], **counts) for name, metric in METRICS.items()
    }


def check_pairs(scores: Values, labels: Labels, text_rows: Integers, clusters: Integers | None, *, draws: int) -> str:
    """Say why nothing can be drawn from these pairs; empty if it can.

    Raises:
        ValueError: If the shapes do not fit, or `draws` is not positive.
    """
    require_length("text_rows", text_rows, len(scores))
    if clusters is not None:
        require_length("clusters", clusters, len(scores))
    if draws < 1:
        raise ValueError(f"at least one draw is needed, came {draws}")
    return why_undefined("an interval", scores, labels)


def join(blocks: list[dict[str, Values]]) -> dict[str, Values]:
    """Join the values of blocks of resamples, metric by metric."""
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
