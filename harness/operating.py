"""A model at a threshold that was chosen on training pairs, judged on evaluation pairs. Pure, and kept as JSON.

Shown, not gated: all of it is a function of the scores that the gated metrics are made of, so a gate on it would only
fail a second time for the same cause; and the threshold is the user's choice, by what a false positive costs there.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from harness.metrics import nan_to_null, null_to_nan
from harness.metrics.checks import why_undefined
from harness.metrics.operating import (
    average_precision,
    brier_score,
    isotonic_probabilities,
    separating_threshold,
    values_at,
)
from harness.metrics.threshold import best_f1
from harness.statistics.bootstrap import percentile_interval
from harness.statistics.resampling import draw_blocks, pair_weights, resampling_units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from harness.pairs import PairSet
    from harness.statistics.resampling import Units

_SEED = 0
"""Of the resamples: the same pairs and scores have the same interval in every run."""

_RESAMPLES = 2000


class Quantity(NamedTuple):
    """What is said of an operating point: the name in reports, what it counts, and whether a higher value is better."""

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


class Estimate(NamedTuple):
    """A value and both ends of its 95 % interval; NaN where there is none, and `reason` then says why."""

    value: float
    low: float
    high: float
    reason: str = ""


@dataclass(frozen=True)
class OperatingPoint:
    """One model, used with a threshold.

    Attributes:
        threshold: Chosen on the training pairs; NaN where undefined.
        degenerate: Whether calling every training pair positive is as good.
        values: Key of `QUANTITIES` -> what the evaluation pairs say.
        own_threshold: The one that is best on the evaluation pairs themselves.
        own_degenerate: Whether calling every evaluation pair positive is as good.
        apparent: The same at the evaluation pairs' own threshold, as far as it depends on one: judged by the pairs that
            chose it.
        guess: Average precision and Brier score of one who knows nothing but how many pairs are positive.
    """

    threshold: float
    degenerate: bool
    values: Mapping[str, Estimate]
    own_threshold: float
    own_degenerate: bool
    apparent: Mapping[str, float]
    guess: Mapping[str, float]

    @property
    def optimism(self) -> dict[str, float]:
        """How much better each value looks at the evaluation pairs' own threshold; negative where it looks worse.

        Of F1 never negative: no threshold is better than the best. It is a fact about these pairs and has no interval.
        """
        return {
            name: seen - here if QUANTITIES[name].direction == "higher" else here - seen
            for name, seen in self.apparent.items()
            for here in [self.values[name].value]
        }


def operate(known: NDArray[np.float64], train: PairSet, scores: NDArray[np.float64], pairs: PairSet) -> OperatingPoint:
    """Chooses a threshold and fits probabilities on the training pairs, and judges both on the evaluation pairs.

    The intervals are those of a bootstrap that draws pairs with a common text together; threshold and fit are held
    fixed in the resamples, as they are when a model is used. They say nothing about other training pairs.

    Args:
        known: Scores of the training pairs, shape `(n_train,)`.
        train: The training pairs.
        scores: Scores of the evaluation pairs, shape `(n_pairs,)`.
        pairs: The evaluation pairs.

    Returns:
        Everything undefined unless both sets have pairs of both labels and finite scores only.

    Source:
        B. Efron, "How biased is the apparent error rate of a prediction rule?", 1986.
    """
    reason = why_undefined("the choice of a threshold", known, train.labels)
    if reason := reason or why_undefined("an operating point", scores, pairs.labels):
        return _undefined(reason)
    chosen, own = separating_threshold(known, train.labels), best_f1(scores, pairs.labels)
    probabilities = isotonic_probabilities(known, train.labels, scores)

    def values(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        return {
            **values_at(chosen.value, scores, pairs.labels, weights),
            "average_precision": average_precision(scores, pairs.labels, weights),
            "brier": brier_score(probabilities, pairs.labels, weights),
        }

    once, rows = np.ones((1, len(pairs))), np.arange(len(pairs))
    units = resampling_units(pairs.text_rows)
    observed = values(once)
    blocks = [values(pair_weights(units, draws, rows)) for draws in draw_blocks(units, _RESAMPLES, _SEED)]
    share = np.full(len(pairs), train.labels.mean())
    return OperatingPoint(
        threshold=chosen.value,
        degenerate=chosen.details["degenerate"],
        values={
            name: _estimate(float(observed[name][0]), np.concatenate([block[name] for block in blocks]), units)
            for name in QUANTITIES
        },
        own_threshold=own.details["threshold"],
        own_degenerate=own.details["degenerate"],
        apparent={
            name: float(value[0])
            for name, value in values_at(own.details["threshold"], scores, pairs.labels, once).items()
        },
        guess={
            "average_precision": float(pairs.labels.mean()),
            "brier": float(brier_score(share, pairs.labels, once)[0]),
        },
    )


def to_json(point: OperatingPoint) -> dict[str, Any]:
    """The operating point as JSON values; NaN becomes null."""
    whole: dict[str, Any] = nan_to_null(asdict(point))
    return whole


def from_json(content: dict[str, Any]) -> OperatingPoint:
    """The inverse of `to_json`."""
    return OperatingPoint(
        threshold=null_to_nan(content["threshold"]),
        degenerate=content["degenerate"],
        values={
            name: Estimate(null_to_nan(value), null_to_nan(low), null_to_nan(high), reason)
            for name, (value, low, high, reason) in content["values"].items()
        },
        own_threshold=null_to_nan(content["own_threshold"]),
        own_degenerate=content["own_degenerate"],
        apparent={name: null_to_nan(value) for name, value in content["apparent"].items()},
        guess={name: null_to_nan(value) for name, value in content["guess"].items()},
    )


def _estimate(observed: float, resampled: NDArray[np.float64], units: Units) -> Estimate:
    if math.isnan(observed):  # only precision can be
        return Estimate(math.nan, math.nan, math.nan, "no pair is called positive")
    if (resampled == observed).all():
        # As where there is no error: resamples of right pairs cannot show the error that another pair would be.
        return Estimate(observed, math.nan, math.nan, "every resample has the same value, which is no certainty")
    interval = percentile_interval(observed, resampled, units.count)
    return Estimate(observed, *interval)


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
