"""How sure one model's values are, and whether they changed since the baseline. Pure, and kept as JSON in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.baselines import CATEGORY_METRICS
from harness.metrics import nan_to_null, null_to_nan
from harness.statistics import Change, Flip, Interval, Share, compare, flips, intervals, share_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.evaluation import Evaluation
    from harness.pairs import PairSet

SEED = 0
"""Of the resamples: the same pairs and scores have the same interval in every run."""


@dataclass(frozen=True)
class Uncertainty:
    """What other pairs of the same kind could have shown.

    Attributes:
        intervals: Metric -> its 95 % interval.
        changes: Metric, or `category/metric` -> its change since the baseline. Empty where nothing can be compared.
        lost: The pairs that the stored model had right and this one has wrong, worst first; each model is judged at its
            own threshold of the best F1.
        gained: The rows of the pairs that the stored model had wrong and this one has right, judged likewise.
    """

    intervals: Mapping[str, Interval]
    changes: Mapping[str, Change]
    lost: tuple[Flip, ...]
    gained: tuple[int, ...]


def measure(
    evaluation: Evaluation, pairs: PairSet, stored: NDArray[np.float64] | None, categories: Sequence[str]
) -> Uncertainty:
    """Resamples the pairs.

    Args:
        evaluation: The model's values on the pairs.
        pairs: The evaluation pairs.
        stored: The pairs' scores in the baseline, shape `(n_pairs,)`; None where there are none to compare with.
        categories: The categories that are compared on their own.
    """
    scores = np.array(evaluation.scores)
    clusters = evaluation.metrics["cluster_purity"].details.get("cluster_labels")
    found = intervals(
        scores,
        pairs.labels,
        pairs.text_rows,
        seed=SEED,
        clusters=None if clusters is None else np.array(clusters, dtype=np.int64),
    )
    if stored is None:
        return Uncertainty(found, {}, (), ())
    about = pairs.labels, pairs.pair_types, pairs.categories
    return Uncertainty(
        intervals=found,
        changes=changes_since(scores, stored, pairs, categories),
        lost=flips(scores, stored, *about),
        gained=tuple(flip.row for flip in flips(stored, scores, *about)),
    )


def changes_since(
    now: NDArray[np.float64],
    stored: NDArray[np.float64],
    pairs: PairSet,
    categories: Sequence[str],
    *,
    permutations: int = 2000,
) -> dict[str, Change]:
    """What a gate compares of one model: metric, or `category/metric` -> its change.

    Args:
        now: The pairs' scores, shape `(n_pairs,)`.
        stored: Their scores before.
        pairs: The evaluation pairs.
        categories: The categories that are compared on their own.
        permutations: As in `compare`; 1 where nobody asks for p-values.
    """

    def part(rows: NDArray[np.int64] | slice) -> dict[str, Change]:
        return compare(
            now[rows], stored[rows], pairs.labels[rows], pairs.text_rows[rows], seed=SEED, permutations=permutations
        )

    changes = part(slice(None))
    for category in categories:
        found = part(np.flatnonzero([name == category for name in pairs.categories]))
        changes |= {f"{category}/{metric}": found[metric] for metric in CATEGORY_METRICS}
    return changes


def reached(scores: Sequence[float], of: Sequence[float], base: Sequence[float], pairs: PairSet, metric: str) -> Share:
    """What one model's scores of the pairs reach of another one's, with intervals.

    Args:
        scores: The model's.
        of: The other one's.
        base: Those of the base.
        pairs: The evaluation pairs.
        metric: A key of `METRICS`.
    """
    mine, whole, untrained = (np.array(vector) for vector in (scores, of, base))
    return share_of(mine, whole, untrained, pairs.labels, pairs.text_rows, metric=metric, seed=SEED)


def to_json(uncertainty: Uncertainty) -> dict[str, Any]:
    """The uncertainty as JSON values; NaN becomes null."""
    content = {
        "intervals": {name: list(interval) for name, interval in uncertainty.intervals.items()},
        "changes": {name: list(change) for name, change in uncertainty.changes.items()},
        "lost": [list(flip) for flip in uncertainty.lost],
        "gained": list(uncertainty.gained),
    }
    whole: dict[str, Any] = nan_to_null(content)
    return whole


def from_json(content: dict[str, Any]) -> Uncertainty:
    """The inverse of `to_json`."""
    return Uncertainty(
        intervals={name: Interval(*map(null_to_nan, fields)) for name, fields in content["intervals"].items()},
        changes={name: Change(*map(null_to_nan, fields)) for name, fields in content["changes"].items()},
        lost=tuple(Flip(*fields) for fields in content["lost"]),
        gained=tuple(content["gained"]),
    )
