"""One model's performance relative to another one's, with intervals over the evaluation pairs."""

from collections.abc import Sequence

import numpy as np

from harness.analyses.evaluation import LIBRARIES
from harness.data import PairSet
from harness.execution import Step
from harness.statistics import SEED, RelativePerformance, relative_performance


def measure_relative_performance(
    *,
    values: tuple[float, float, float],
    scores: tuple[Sequence[float], Sequence[float], Sequence[float]] | None,
    pairs: PairSet,
    metric: str,
    reference: str,
) -> RelativePerformance:
    """Compute relative performance and gap recovered of three models, as `relative_performance` takes them."""
    vectors = None if scores is None else (np.array(scores[0]), np.array(scores[1]), np.array(scores[2]))
    return relative_performance(
        values,
        vectors,
        pairs.labels,
        pairs.text_rows,
        metric=metric,
        reference_name=reference,
        seed=SEED,
        grades=pairs.grades,
    )


RELATIVE = Step(
    "relative_performance", run=measure_relative_performance, result=RelativePerformance, libraries=LIBRARIES
)
