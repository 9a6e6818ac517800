"""One model relative to another: performance, the part of its gain over the base that is recovered, and duration."""

import math
from dataclasses import dataclass

import numpy as np

from harness.metrics import METRICS, Number
from harness.metrics.evaluation import weighted_values
from harness.metrics.tally import Integers, Labels, Values, rank
from harness.statistics.bootstrap import check_pairs
from harness.statistics.intervals import Interval, percentile_interval
from harness.statistics.resampling import draw_blocks, many_short_products, pair_weights, resampling_units


@dataclass(frozen=True, kw_only=True)
class RelativePerformance:
    """A model held against a reference in one metric.

    Attributes:
        model: The metric of the model.
        reference: Of the reference.
        base: Of the base.
        ratio: `model / reference`, the relative performance: 0.9 is 90 %. NaN where it would mean nothing.
        interval: 95 % interval of the ratio.
        reason: Why the ratio is NaN, in words; else empty.
        gap_recovered: `(model - base) / (reference - base)`: stays meaningful where the base is below 0, or far above.
            NaN where the reference gained nothing.
        gap_interval: 95 % interval of the gap recovered.
        gap_reason: Why the gap recovered is NaN, in words; else empty.
    """

    model: Number
    reference: Number
    base: Number
    ratio: Number
    interval: Interval
    reason: str = ""
    gap_recovered: Number
    gap_interval: Interval
    gap_reason: str = ""


def relative_performance(
    values: tuple[float, float, float],
    scores: tuple[Values, Values, Values] | None,
    labels: Labels,
    text_rows: Integers,
    *,
    metric: str,
    reference_name: str,
    seed: int,
    grades: Values | None = None,
    resamples: int = 2000,
) -> RelativePerformance:
    """Relative performance and gap recovered, each with its bootstrap interval.

    The three models are measured on the same resamples. A ratio means something where both values are there, the
    reference is above 0, and higher is better; a gap recovered where the reference is better than the base.

    Args:
        values: The metric of the model, of the reference and of the base; NaN where undefined.
        scores: Similarity of each pair under each of the three, shape `(n_pairs,)`; None where they are not known:
            there are no intervals then.
        labels: 0 or 1, shape `(n_pairs,)`.
        text_rows: Number of both texts of each pair, shape `(n_pairs, 2)`; see `resampling_units`.
        metric: A key of `METRICS`. One that needs clusters has no intervals.
        reference_name: Name of the reference, for the reasons.
        seed: Of the draws.
        grades: Grade of each pair, shape `(n_pairs,)`, where the labels come from grades.
        resamples: Number of resamples.

    Raises:
        ValueError: If the shapes do not fit, or there are no resamples.
    """
    model, reference, base = values
    better = 1 if METRICS[metric].direction == "higher" else -1
    reason = _why_no_ratio(model, reference, reference_name, better)
    gap_reason = _why_no_gap(model, reference, base, reference_name, better)
    ratio = math.nan if reason else model / reference
    gap_recovered = math.nan if gap_reason else (model - base) / (reference - base)
    if scores is None:
        interval = gap_interval = Interval.none("the scores of the pairs are not known")
    elif missing := next(filter(None, (check_pairs(s, labels, text_rows, None, draws=resamples) for s in scores)), ""):
        interval = gap_interval = Interval.none(missing)
    else:
        units, rankings = resampling_units(text_rows), [rank(vector, labels, grades=grades) for vector in scores]
        with many_short_products():
            blocks = [
                [weighted_values(r, pair_weights(units, draws, r.order), (metric,))[metric] for r in rankings]
                for draws in draw_blocks(units, resamples, seed)
            ]
        models, references, bases = np.concatenate(blocks, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(references > 0, models / references, np.nan)
            gained = better * (references - bases) > 0
            gaps = np.where(gained, (models - bases) / (references - bases), np.nan)
        interval, gap_interval = (
            Interval.none(why) if why else percentile_interval(value, resampled, units.count)
            for why, value, resampled in ((reason, ratio, ratios), (gap_reason, gap_recovered, gaps))
        )
    return RelativePerformance(
        model=model,
        reference=reference,
        base=base,
        ratio=ratio,
        interval=interval,
        reason=reason,
        gap_recovered=gap_recovered,
        gap_interval=gap_interval,
        gap_reason=gap_reason,
    )


def _why_no_ratio(model: float, reference: float, name: str, better: int) -> str:
    """Say why a ratio would mean nothing; empty if it means something."""
    if math.isnan(model) or math.isnan(reference):
        return "undefined for the model" if math.isnan(model) else f"undefined for {name}"
    if better < 0:
        return "lower is better: read the difference"
    return "" if reference > 0 else f"{name} is not above 0: it did not learn"


def _why_no_gap(model: float, reference: float, base: float, name: str, better: int) -> str:
    """Say why a gap recovered would mean nothing; empty if it means something."""
    for value, whose in ((model, "the model"), (base, "the base"), (reference, name)):
        if math.isnan(value):
            return f"undefined for {whose}"
    return "" if better * (reference - base) > 0 else f"{name} gained nothing over the base"


@dataclass(frozen=True)
class Ratio:
    """A ratio with its 95 % interval."""

    value: float
    low: float
    high: float


def ratio_interval(numerators: list[float], denominators: list[float]) -> Ratio:
    """Geometric mean of paired ratios, with Student's interval of their logarithms.

    Args:
        numerators: Positive values, one a round.
        denominators: Positive values of the same rounds.

    Raises:
        ValueError: Fewer than two rounds, or not the same number of both.
    """
    from scipy.special import stdtrit

    if len(numerators) != len(denominators) or len(numerators) < 2:
        raise ValueError(
            f"expected at least two rounds of both, got {len(numerators)} numerators, {len(denominators)} denominators"
        )
    logs = np.log(np.asarray(numerators) / np.asarray(denominators))
    half = float(stdtrit(len(logs) - 1, 0.975)) * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    mean = float(logs.mean())
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half))
