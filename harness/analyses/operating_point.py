"""A model at a threshold that was chosen on other pairs, judged on evaluation pairs.

Shown, not gated: all of it is a function of the scores that the gated metrics are made of, so a gate on it would only
fail a second time for the same cause; and the threshold is the user's choice, by what a false positive costs there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.analyses.evaluation import LIBRARIES
from harness.data import NO_SIDES, PairSet, Sides
from harness.execution import Step
from harness.metrics import Number
from harness.metrics.best_f1 import best_f1
from harness.metrics.checks import why_undefined
from harness.metrics.cosine import pair_scores
from harness.metrics.operating_point import (
    average_precision,
    brier_score,
    isotonic_probabilities,
    separating_threshold,
    values_at,
)
from harness.models.embeddings import Embeddings
from harness.statistics.bootstrap import SEED
from harness.statistics.intervals import percentile_interval
from harness.statistics.resampling import Units, draw_blocks, pair_weights, resampling_units

_RESAMPLES = 2000


class Quantity(NamedTuple):
    """A value of an operating point: its name in reports, what it counts, and its better direction."""

    title: str
    unit: str
    direction: Literal["higher", "lower"]


QUANTITIES = {
    "f1": Quantity("F1", "harmonic mean of precision and recall", "higher"),
    "accuracy": Quantity("Accuracy", "share of the pairs", "higher"),
    "precision": Quantity("Precision", "share of the pairs called positive", "higher"),
    "recall": Quantity("Recall", "share of the positive pairs", "higher"),
    "false_positives": Quantity("False positives", "pairs", "lower"),
    "false_negatives": Quantity("False negatives", "pairs", "lower"),
    "average_precision": Quantity("Average precision", "precision over all thresholds", "higher"),
    "brier": Quantity("Brier score", "squared error of the probability", "lower"),
}
"""Everything that an operating point tells, in the order of reports; the last two depend on no threshold."""


@dataclass(frozen=True)
class Estimate:
    """A value and both ends of its 95 % interval; NaN where there is none, and `reason` then says why."""

    value: Number
    low: Number
    high: Number
    reason: str = ""


@dataclass(frozen=True)
class OperatingPoint:
    """One model, used with a threshold.

    Attributes:
        threshold: NaN where undefined.
        degenerate: Whether calling every one of these pairs positive is as good.
        values: Key of `QUANTITIES` -> estimate on the evaluation pairs.
        eval_threshold: The best one on the evaluation pairs themselves.
        eval_degenerate: Whether calling every evaluation pair positive is as good.
        apparent: The same at `eval_threshold`, as far as it depends on a threshold: judged by the pairs that chose it.
        no_skill: Average precision and Brier score of the trivial classifier, which knows the share of positives only.
        chosen_on: The pairs that chose the threshold: `dev`, which no model was trained on, or `train`.
    """

    threshold: Number
    degenerate: bool
    values: Mapping[str, Estimate]
    eval_threshold: Number
    eval_degenerate: bool
    apparent: Mapping[str, Number]
    no_skill: Mapping[str, Number]
    chosen_on: str = "train"

    @property
    def optimism(self) -> dict[str, float]:
        """The amount by which each value looks better at `eval_threshold`; negative where it looks worse.

        Of F1 never negative: no threshold is better than the best. It is a fact about these pairs and has no interval.
        """
        return {
            name: seen - here if QUANTITIES[name].direction == "higher" else here - seen
            for name, seen in self.apparent.items()
            for here in [self.values[name].value]
        }


def measure_operating_point(
    *,
    embeddings: Embeddings,
    threshold_pairs: Mapping[str, PairSet],
    eval_pairs: PairSet,
    sides: Sides = NO_SIDES,
) -> OperatingPoint:
    """Measure the operating point of a model by its embeddings of the texts of one threshold set, and of `eval`."""
    ((chosen_on, chosen_pairs),) = threshold_pairs.items()
    chosen_scores, scores = (
        pair_scores(embeddings.arrays[name], sides.rows(pairs))
        for name, pairs in ((chosen_on, chosen_pairs), ("eval", eval_pairs))
    )
    return operating_point(chosen_scores, chosen_pairs, scores, eval_pairs, chosen_on=chosen_on)


def operating_point(
    chosen_scores: NDArray[np.float64],
    chosen_pairs: PairSet,
    scores: NDArray[np.float64],
    pairs: PairSet,
    *,
    chosen_on: str = "train",
) -> OperatingPoint:
    """Choose a threshold and fit probabilities on some pairs, and judge both on the evaluation pairs.

    The intervals are those of a bootstrap that draws pairs with a common text together; threshold and fit are held
    fixed in the resamples, as they are when a model is used. They say nothing about another choice.

    Args:
        chosen_scores: Scores of the pairs that choose, shape `(n_chosen,)`.
        chosen_pairs: These pairs.
        scores: Scores of the evaluation pairs, shape `(n_pairs,)`.
        pairs: The evaluation pairs.
        chosen_on: Name of the pairs that choose.

    Returns:
        Everything undefined unless both sets have pairs of both labels and finite scores only.

    Source:
        B. Efron, "How biased is the apparent error rate of a prediction rule?", 1986.
    """
    reason = why_undefined("the choice of a threshold", chosen_scores, chosen_pairs.labels)
    if reason := reason or why_undefined("an operating point", scores, pairs.labels):
        return replace(_undefined(reason), chosen_on=chosen_on)
    chosen, best = separating_threshold(chosen_scores, chosen_pairs.labels), best_f1(scores, pairs.labels)
    probabilities = isotonic_probabilities(chosen_scores, chosen_pairs.labels, scores)

    def values(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        return {
            **values_at(chosen.value, scores, pairs.labels, weights),
            "average_precision": average_precision(scores, pairs.labels, weights),
            "brier": brier_score(probabilities, pairs.labels, weights),
        }

    once, rows = np.ones((1, len(pairs))), np.arange(len(pairs))
    units = resampling_units(pairs.text_rows)
    observed = values(once)
    blocks = [values(pair_weights(units, draws, rows)) for draws in draw_blocks(units, _RESAMPLES, SEED)]
    share = np.full(len(pairs), chosen_pairs.labels.mean())
    return OperatingPoint(
        threshold=chosen.value,
        degenerate=chosen.details["degenerate"],
        values={
            name: _estimate(float(observed[name][0]), np.concatenate([block[name] for block in blocks]), units)
            for name in QUANTITIES
        },
        eval_threshold=best.details["threshold"],
        eval_degenerate=best.details["degenerate"],
        apparent={
            name: float(value[0])
            for name, value in values_at(best.details["threshold"], scores, pairs.labels, once).items()
        },
        no_skill={
            "average_precision": float(pairs.labels.mean()),
            "brier": float(brier_score(share, pairs.labels, once)[0]),
        },
        chosen_on=chosen_on,
    )


def _estimate(observed: float, resampled: NDArray[np.float64], units: Units) -> Estimate:
    if math.isnan(observed):  # only precision can be
        return Estimate(math.nan, math.nan, math.nan, "no pair is called positive")
    if (resampled == observed).all():
        # As where there is no error: resamples of right pairs cannot show the error that another pair would be.
        return Estimate(observed, math.nan, math.nan, "every resample has the same value, which is no certainty")
    interval = percentile_interval(observed, resampled, units.count)
    return Estimate(observed, interval.low, interval.high, interval.reason)


def _undefined(reason: str) -> OperatingPoint:
    nothing = dict.fromkeys(QUANTITIES, Estimate(math.nan, math.nan, math.nan, reason))
    *at_threshold, precision, brier = QUANTITIES
    return OperatingPoint(
        math.nan,
        False,
        nothing,
        math.nan,
        False,
        dict.fromkeys(at_threshold, math.nan),
        dict.fromkeys((precision, brier), math.nan),
    )


OPERATING_POINT = Step("operating_point", run=measure_operating_point, result=OperatingPoint, libraries=LIBRARIES)
