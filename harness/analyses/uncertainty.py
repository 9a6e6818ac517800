"""Intervals of one model's values, and its changes since the baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analyses.evaluation import LIBRARIES
from harness.data import PairSet
from harness.execution import Step
from harness.metrics import METRICS, Evaluation
from harness.statistics import SEED, Change, Interval, RegressedPair, compare, intervals, regressed_pairs


@dataclass(frozen=True)
class Uncertainty:
    """The values that other pairs of the same kind could have shown.

    Attributes:
        intervals: Metric -> its 95 % interval.
        changes: Category -> metric -> change since the baseline; all pairs stand under "". Empty where nothing can be
            compared.
        regressed: The pairs that the stored model had right and this one has wrong, worst first; each model is judged
            at its own threshold of the best F1.
        fixed: The rows of the pairs that the stored model had wrong and this one has right, judged likewise.
    """

    intervals: Mapping[str, Interval]
    changes: Mapping[str, Mapping[str, Change]]
    regressed: tuple[RegressedPair, ...]
    fixed: tuple[int, ...]


def measure_uncertainty(
    *, evaluation: Evaluation, pairs: PairSet, stored: Sequence[float] | None, categories: Sequence[str]
) -> Uncertainty:
    """Resample the evaluation pairs; `stored` are their scores in the baseline, None where none can be compared."""
    scores = np.array(evaluation.scores)
    found = intervals(
        scores, pairs.labels, pairs.text_rows, seed=SEED, clusters=evaluation.clusters, grades=pairs.grades
    )
    if stored is None:
        return Uncertainty(found, {}, (), ())
    before, about = np.array(stored), (pairs.labels, pairs.pair_types, pairs.categories)
    return Uncertainty(
        intervals=found,
        changes=changes_since(scores, before, pairs, categories),
        regressed=regressed_pairs(scores, before, *about),
        fixed=tuple(pair.row for pair in regressed_pairs(before, scores, *about)),
    )


def changes_since(
    now: NDArray[np.float64],
    stored: NDArray[np.float64],
    pairs: PairSet,
    categories: Sequence[str],
    *,
    permutations: int = 2000,
) -> dict[str, dict[str, Change]]:
    """Compare everything of one model that a gate compares: category -> metric -> change, all pairs under "".

    Args:
        now: The pairs' scores, shape `(n_pairs,)`.
        stored: Their scores before.
        pairs: The evaluation pairs.
        categories: The categories that are compared on their own.
        permutations: As in `compare`; 1 where nobody asks for p-values.
    """

    def part(rows: NDArray[np.int64] | slice, metrics: Sequence[str]) -> dict[str, Change]:
        return compare(
            now[rows],
            stored[rows],
            pairs.labels[rows],
            pairs.text_rows[rows],
            seed=SEED,
            grades=None if pairs.grades is None else pairs.grades[rows],
            permutations=permutations,
            metrics=metrics,
        )

    changes, of_category = {"": part(slice(None), [*METRICS])}, [name for name in METRICS if METRICS[name].by_category]
    for category in categories:
        changes[category] = part(np.flatnonzero([name == category for name in pairs.categories]), of_category)
    return changes


UNCERTAINTY = Step("uncertainty", run=measure_uncertainty, result=Uncertainty, libraries=LIBRARIES)
