"""Every metric of one model on a set of pairs."""

from collections.abc import Sequence

import numpy as np

from harness.data import NO_SIDES, PairSet, Sides
from harness.execution import Step
from harness.metrics import Evaluation, ScoredPairs, evaluate
from harness.metrics.cosine import pair_scores
from harness.models.embeddings import Embeddings

LIBRARIES = ("numpy", "scipy", "scikit-learn", "hdbscan")
"""The distributions whose version can change a metric."""


def evaluate_pairs(
    *,
    embeddings: Embeddings,
    texts: str,
    pairs: PairSet,
    sides: Sides = NO_SIDES,
    without: Sequence[int] = (),
    width: int | None = None,
) -> Evaluation:
    """Compute every metric of one model on pairs, without some rows; `texts` names theirs in the embeddings.

    With a `width` the embeddings are cut to their first dimensions, as many; the cosine normalises them again.
    """
    vectors = embeddings.arrays[texts][:, :width]
    kept = np.delete(np.arange(len(pairs)), np.asarray(without, dtype=np.int64))
    rows = sides.rows(pairs)[kept]
    first, second = (vectors[rows[:, side]].astype(np.float64) for side in (0, 1))
    return evaluate(
        ScoredPairs(
            scores=pair_scores(vectors, rows),
            labels=pairs.labels[kept],
            pair_means=(first + second) / 2,
            categories=tuple(pairs.categories[row] for row in kept),
            pair_types=tuple(pairs.pair_types[row] for row in kept),
            grades=None if pairs.grades is None else pairs.grades[kept],
        )
    )


EVALUATE = Step("evaluation", run=evaluate_pairs, result=Evaluation, libraries=LIBRARIES)
