"""Embeddings + pairs -> every metric of one model. Pure, and kept as JSON in the store."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.encoding import pair_scores
from harness.metrics import METRICS, GroupResult, MetricResult, ScoredPairs, breakdown, nan_to_null, null_to_nan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.pairs import PairSet

LIBRARIES = ("numpy", "scipy", "scikit-learn", "hdbscan")
"""The libraries whose version can change a metric."""


@dataclass(frozen=True)
class Evaluation:
    """Every metric of one model on the evaluation pairs.

    Attributes:
        metrics: Name in `METRICS` -> result.
        categories: Category -> result on its pairs.
        pair_types: Pair type -> result on its pairs.
        scores: Score of each pair, in the order of the file.
    """

    metrics: Mapping[str, MetricResult]
    categories: Mapping[str, GroupResult]
    pair_types: Mapping[str, GroupResult]
    scores: tuple[float, ...]


def evaluate(embeddings: NDArray[np.float32], pairs: PairSet, *, without: Sequence[int] = ()) -> Evaluation:
    """Measures one model.

    Args:
        embeddings: One row for each of `pairs.texts`.
        pairs: The evaluation pairs.
        without: Rows of the pairs to leave out.
    """
    kept = np.delete(np.arange(len(pairs)), np.asarray(without, dtype=np.int64))
    text_rows = pairs.text_rows[kept]
    first, second = (embeddings[text_rows[:, side]].astype(np.float64) for side in (0, 1))
    scored = ScoredPairs(
        scores=pair_scores(embeddings, text_rows),
        labels=pairs.labels[kept],
        pair_means=(first + second) / 2,
        categories=tuple(pairs.categories[row] for row in kept),
        pair_types=tuple(pairs.pair_types[row] for row in kept),
    )
    return Evaluation(
        metrics={name: metric.function(scored) for name, metric in METRICS.items()},
        categories=breakdown(scored, scored.categories),
        pair_types=breakdown(scored, scored.pair_types),
        scores=tuple(scored.scores.tolist()),
    )


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON values; NaN becomes null."""
    return {key: nan_to_null(value) for key, value in asdict(evaluation).items()}


def from_json(content: dict[str, Any]) -> Evaluation:
    """The inverse of `to_json`."""
    return Evaluation(
        metrics={
            name: MetricResult(null_to_nan(result["value"]), result["reason"], result["details"])
            for name, result in content["metrics"].items()
        },
        categories=_groups(content["categories"]),
        pair_types=_groups(content["pair_types"]),
        scores=tuple(null_to_nan(score) for score in content["scores"]),
    )


def _groups(content: dict[str, Any]) -> dict[str, GroupResult]:
    return {
        name: GroupResult(**{key: null_to_nan(value) for key, value in fields.items()})
        for name, fields in content.items()
    }
