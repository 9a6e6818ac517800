"""Values against each other, and against the limits of the case."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.encoding import row_cosines
from harness.gates.verdict import Outcome, Verdict, number, outcome_of
from harness.metrics import METRICS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.case import ShareGate
    from harness.metrics import MetricResult
    from harness.statistics import Share

_NUMERIC_NOISE = 1e-6  # of a cosine distance in fp32

_UNDEFINED = "undefined: an embedding is zero or not a number"


def reaches_share(
    gate: ShareGate, observed: MetricResult, of: MetricResult, *, stored: bool = False, sure: Share | None = None
) -> Verdict:
    """A model reaches the case's share of another one in a metric, such as LoRA 90 % of full fine-tuning.

    Args:
        gate: The two models, the metric and the share.
        observed: The model's value.
        of: The other one's.
        stored: Whether the other one's comes from the baseline.
        sure: The share with its interval, and the gain over the base that is recovered; shown, not judged by.
    """
    other = f"stored {gate.of}" if stored else gate.of
    measured = f"{gate.model} {gate.metric} {number(observed.value)}, {other} {number(of.value)}"
    if math.isnan(observed.value) or math.isnan(of.value):
        message = f"{measured}: undefined: {observed.reason or of.reason}"
        return Verdict("share", gate.model, gate.metric, "fail", observed.value, gate.share, message)
    if of.value <= 0:
        return Verdict(
            "share", gate.model, gate.metric, "fail", observed.value, of.value,
            f"{measured}: a share of {gate.of} is meaningless where {gate.of} is not above 0: it did not learn",
        )  # fmt: skip
    share = observed.value / of.value
    passed = share >= gate.share
    return Verdict(
        "share", gate.model, gate.metric, outcome_of(passed), share, gate.share,
        f"{measured}: {share:.1%} of {gate.of}{_share_interval(sure)}, "
        f"{'at least' if passed else 'expected at least'} {gate.share:.0%}{_recovered(sure)}",
    )  # fmt: skip


def _share_interval(sure: Share | None) -> str:
    if sure is None or math.isnan(sure.interval.low):
        return ""
    return f" (95 % interval {sure.interval.low:.0%} to {sure.interval.high:.0%})"


def _recovered(sure: Share | None) -> str:
    if sure is None or math.isnan(sure.recovered):
        return ""
    low, high = sure.recovered_interval[:2]
    interval = "" if math.isnan(low) else f" ({low:.0%} to {high:.0%})"
    return f"; {sure.recovered:.0%}{interval} of its gain over the base"


def beats_base(model: str, metric: str, observed: MetricResult, base: MetricResult) -> Verdict:
    """A trained model is better than the base in a metric."""
    higher = METRICS[metric].direction == "higher"
    passed = observed.value > base.value if higher else observed.value < base.value
    undefined = math.isnan(observed.value) or math.isnan(base.value)
    reason = f"undefined: {observed.reason or base.reason}" if undefined else "not better than the untrained model"
    unit = METRICS[metric].unit
    return Verdict(
        "beats_base", model, metric, outcome_of(passed), observed.value, base.value,
        f"{model} {metric} {number(observed.value, unit)}, base {number(base.value, unit)}: "
        f"{'better' if passed else reason}",
    )  # fmt: skip


def diverges(
    model: str, texts: str, embeddings: NDArray[np.float32], base: NDArray[np.float32], least: float
) -> Verdict:
    """A model's embeddings are not the base's.

    Args:
        model: The model.
        texts: Names the texts in the verdict.
        embeddings: The model's, shape `(n_texts, dimension)`.
        base: The base's, of the same texts.
        least: Least mean cosine distance, in [0, 2].
    """
    distance = 1 - float(row_cosines(embeddings, base).mean())
    passed = distance >= least
    ignored = "the output is the base's: was the adapter applied?"
    failure = _UNDEFINED if math.isnan(distance) else ignored if distance < _NUMERIC_NOISE else "it hardly moved"
    end = "it moved" if passed else failure
    return Verdict(
        "diverges", model, texts, outcome_of(passed), distance, least,
        f"{model} on {texts}: mean cosine distance {distance:.4f} from the base, expected at least {least}: {end}",
    )  # fmt: skip


def merge_agrees(model: str, merged: NDArray[np.float32], unmerged: NDArray[np.float32], least: float) -> Verdict:
    """The merged adapter computes what the unmerged one does: embeddings of the same texts, least cosine of a text."""
    cosine = float(row_cosines(merged, unmerged).min())
    passed = cosine >= least
    failure = _UNDEFINED if math.isnan(cosine) else "merging changed the model"
    end = "the same model" if passed else failure
    return Verdict(
        "merge_agrees", model, "probes", outcome_of(passed), cosine, least,
        f"{model} merged and unmerged: least cosine {cosine:.6f}, expected at least {least}: {end}",
    )  # fmt: skip


def fits_memory(model: str, stage: str, peak_mb: float, ceiling_mb: float) -> Verdict:
    """A stage's peak resident memory is below its ceiling, both in MB (10^6 bytes)."""
    passed = peak_mb <= ceiling_mb
    end = "fits" if passed else "undefined on this system" if math.isnan(peak_mb) else "too much"
    return Verdict(
        "memory", model, stage, outcome_of(passed), peak_mb, ceiling_mb,
        f"{stage} {model}: peak {peak_mb:.0f} MB, ceiling {ceiling_mb:.0f} MB: {end}",
    )  # fmt: skip


def no_slower(model: str, batch: int, ratio: float, low: float, high: float, limit: float) -> Verdict:
    """A model encodes about as fast as the base. Fails only where the whole interval of the ratio lies above the limit.

    Args:
        model: The model.
        batch: Texts encoded in a call.
        ratio: Its encode time over the base's, measured interleaved.
        low: Lower end of the ratio's 95 % interval.
        high: Upper end.
        limit: Greatest ratio that the case allows.
    """
    outcome: Outcome
    if any(map(math.isnan, (ratio, low, high))):
        outcome, end = "fail", "undefined: a time is missing"
    elif low > limit:
        outcome, end = "fail", "slower"
    elif ratio > limit:
        outcome, end = "inconclusive", "above the limit, but so is noise"
    else:
        outcome, end = "pass", "as fast"
    return Verdict(
        "latency", model, f"encode {batch}", outcome, ratio, limit,
        f"{model} encode time / base, {batch} texts a call: {ratio:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}), limit {limit}: {end}",
    )  # fmt: skip
