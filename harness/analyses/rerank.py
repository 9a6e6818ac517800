"""A teacher that rescores the pairs in a model's uncertain band, beside the model alone."""

from collections.abc import Sequence

import numpy as np

from harness.analyses.evaluation import LIBRARIES
from harness.data import NO_SIDES, PairSet, Sides
from harness.execution import Step
from harness.metrics.cosine import pair_scores
from harness.models.embeddings import Embeddings
from harness.statistics.rerank import Rerank, choose_band, rerank


def measure_rerank(
    *,
    embeddings: Embeddings,
    dev_pairs: PairSet,
    eval_pairs: PairSet,
    dev_teacher: Sequence[float],
    eval_teacher: Sequence[float],
    share: float,
    sides: Sides = NO_SIDES,
) -> Rerank:
    """Choose the band on the dev pairs, and compare both stages with the model alone on the evaluation pairs."""
    dev, scores = (
        pair_scores(embeddings.arrays[name], sides.rows(pairs))
        for name, pairs in (("dev", dev_pairs), ("eval", eval_pairs))
    )
    band = choose_band(dev, np.array(dev_teacher), dev_pairs.labels, share)
    about = (eval_pairs.labels, eval_pairs.text_rows, eval_pairs.pair_types)
    return rerank(band, scores, np.array(eval_teacher), *about)


RERANK = Step("rerank", run=measure_rerank, result=Rerank, libraries=LIBRARIES)
