"""A second scorer of the pairs that a first one is uncertain of: the band, and both stages' decisions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from harness.metrics.checks import require_length, why_not_numbers, why_undefined
from harness.metrics.operating_point import separating_threshold, values_at
from harness.metrics.tally import Integers, Labels, Values
from harness.metrics.types import Number
from harness.statistics.bootstrap import SEED
from harness.statistics.intervals import Interval, percentile_interval
from harness.statistics.resampling import draw_blocks, pair_weights, resampling_units

Decisions = NDArray[np.bool_]

_RESAMPLES = 2000


@dataclass(frozen=True)
class Band:
    """The scores that a model is uncertain of, and how they are decided. Nothing in it is chosen on evaluation pairs.

    Attributes:
        threshold: The model's own; NaN where undefined.
        low: Least score that is rescored.
        high: Greatest score that is rescored.
        second_threshold: That of the second scorer.
        reason: Why there is no band, in words; else empty.
    """

    threshold: Number
    low: Number
    high: Number
    second_threshold: Number
    reason: str = ""

    def inside(self, scores: Values) -> Decisions:
        """Return which pairs are rescored."""
        return (scores >= self.low) & (scores <= self.high)

    def decided(self, scores: Values, second: Values) -> Decisions:
        """Return which pairs are accepted: inside by the second scorer, outside by the model."""
        return np.where(self.inside(scores), second >= self.second_threshold, scores >= self.threshold)


@dataclass(frozen=True)
class Confusion:
    """Numbers of pairs by label and decision; NaN where nothing could be decided.

    Attributes:
        tp: Of label 1, accepted.
        fp: Of label 0, accepted.
        fn: Of label 1, refused.
        tn: Of label 0, refused.
    """

    tp: Number
    fp: Number
    fn: Number
    tn: Number


@dataclass(frozen=True)
class BeforeAfter:
    """A value of the model alone and of both stages.

    Attributes:
        before: Of the model alone.
        after: Of both stages.
        interval: 95 % interval of `after - before`, paired.
    """

    before: Number
    after: Number
    interval: Interval

    @property
    def change(self) -> float:
        """The change; above 0 is better."""
        return self.after - self.before


@dataclass(frozen=True)
class Rerank:
    """The decisions of a model on evaluation pairs, alone and with a second scorer.

    Attributes:
        band: As it was chosen on the dev pairs.
        rescored: Number of evaluation pairs inside the band.
        before: The model alone.
        after: Both stages.
        accuracy: Share of the pairs that are decided by their label.
        f1: Harmonic mean of precision and recall.
        pair_types: Pair type -> the same counts, before and after.
        regressed: Rows of the pairs that the model had right and both stages have wrong.
        fixed: Rows of those of which the reverse holds.
    """

    band: Band
    rescored: Number
    before: Confusion
    after: Confusion
    accuracy: BeforeAfter
    f1: BeforeAfter
    pair_types: Mapping[str, tuple[Confusion, Confusion]] = field(default_factory=dict)
    regressed: tuple[int, ...] = ()
    fixed: tuple[int, ...] = ()


def choose_band(scores: Values, second: Values, labels: Labels, share: float) -> Band:
    """Choose the band of the dev pairs nearest to the model's threshold, and the second scorer's threshold.

    The band reaches from the lowest to the highest score of these pairs, and holds the threshold itself. The second
    threshold is the one with which both stages together have the best F1 on all dev pairs: those outside the band are
    decided already, so that only pairs inside are weighed, as only they will be.

    Args:
        scores: The model's scores of the dev pairs, shape `(n_pairs,)`.
        second: The second scorer's scores of them, on any scale.
        labels: 0 or 1.
        share: Share of the dev pairs that is uncertain, above 0 and at most 1; pairs as near as the last one count too.

    Example:
        >>> band = choose_band(np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 5, 2, 9.0]), np.array([0, 1, 0, 1]), 0.5)
        >>> band.low, band.high, band.second_threshold
        (0.1, 0.4, 2.5)
    """
    require_length("second", second, len(scores))
    reason = why_undefined("a band", scores, labels) or why_not_numbers("a band", second, "second scores")
    if reason:
        return Band(math.nan, math.nan, math.nan, math.nan, reason)
    threshold = separating_threshold(scores, labels).value
    distance = np.abs(scores - threshold)
    near = scores[distance <= np.sort(distance)[math.ceil(share * len(scores)) - 1]]
    band = Band(threshold, min(threshold, float(near.min())), max(threshold, float(near.max())), math.nan)
    # Pairs outside are certain: further off than any score inside, on the side of their decision.
    outside = np.where(scores >= threshold, second.max() + 1, second.min() - 1)
    both = np.where(band.inside(scores), second, outside)
    return replace(band, second_threshold=separating_threshold(both, labels).value)


def rerank(
    band: Band, scores: Values, second: Values, labels: Labels, text_rows: Integers, pair_types: tuple[str, ...]
) -> Rerank:
    """Decide evaluation pairs without and with the second scorer, and compare.

    The intervals are those of a bootstrap that draws pairs with a common text together, each resample for both sides;
    band and thresholds are held fixed, as they are when the stages are used.

    Args:
        band: Chosen on other pairs (see `choose_band`).
        scores: The model's scores, shape `(n_pairs,)`.
        second: The second scorer's scores; those outside the band decide nothing.
        labels: 0 or 1.
        text_rows: Number of both texts of each pair, shape `(n_pairs, 2)`.
        pair_types: Pair type of each pair.

    Returns:
        Everything undefined, with the reason in the intervals, where the band is, a score is not finite, or the pairs
        have one label only.
    """
    for name, values in (("second", second), ("text_rows", text_rows), ("pair_types", pair_types)):
        require_length(name, values, len(scores))
    reason = band.reason or why_undefined("a rescoring", scores, labels)
    if reason := reason or why_not_numbers("a rescoring", second, "second scores"):
        nothing, unknown = Confusion(*(math.nan,) * 4), BeforeAfter(math.nan, math.nan, Interval.none(reason))
        return Rerank(band, math.nan, nothing, nothing, unknown, unknown)
    alone, both = scores >= band.threshold, band.decided(scores, second)
    units, rows, types = resampling_units(text_rows), np.arange(len(scores)), np.array(pair_types)
    right = [decided == (labels == 1) for decided in (alone, both)]
    once = np.ones((1, len(scores)))
    before, after = (values_at(0.5, decided.astype(np.float64), labels, once) for decided in (alone, both))
    resampled = [
        {name: values[1][name] - values[0][name] for name in ("accuracy", "f1")}
        for draws in draw_blocks(units, _RESAMPLES, SEED)
        for weights in [pair_weights(units, draws, rows)]
        for values in [[values_at(0.5, decided.astype(np.float64), labels, weights) for decided in (alone, both)]]
    ]

    def compared(name: str) -> BeforeAfter:
        was, found = float(before[name][0]), float(after[name][0])
        changes = np.concatenate([block[name] for block in resampled])
        return BeforeAfter(was, found, percentile_interval(found - was, changes, units.count))

    return Rerank(
        band=band,
        rescored=float(np.count_nonzero(band.inside(scores))),
        before=_confusion(alone, labels),
        after=_confusion(both, labels),
        accuracy=compared("accuracy"),
        f1=compared("f1"),
        pair_types={
            str(name): (_confusion(alone[here], labels[here]), _confusion(both[here], labels[here]))
            for name in np.unique(types)
            for here in [types == name]
            if name
        },
        regressed=tuple(np.flatnonzero(right[0] & ~right[1]).tolist()),
        fixed=tuple(np.flatnonzero(~right[0] & right[1]).tolist()),
    )


def _confusion(accepted: Decisions, labels: Labels) -> Confusion:
    positive = labels == 1
    parts = (positive & accepted, ~positive & accepted, positive & ~accepted, ~positive & ~accepted)
    return Confusion(*(float(np.count_nonzero(part)) for part in parts))
