"""Gates on memory and time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.gates.verdict import Outcome, Verdict, outcome_of
from harness.statistics import ratio_interval

if TYPE_CHECKING:
    from harness.gates.evidence import Evidence
    from harness.gates.verdict import Subject


BATCHES = (1, 32, 256)
"""Texts encoded in one call, where latency is measured."""


def fits_memory(run: Evidence, subject: Subject) -> Verdict:
    """Judge that the peak resident memory of a stage's own process is below its ceiling, both in MB (10^6 bytes)."""
    model, stage = subject.model, subject.stage
    ceilings = run.inputs.case.gates.memory_mb
    if ceilings is None:
        raise ValueError("the case has no ceilings")
    ceiling = ceilings.encode if stage == "encode" else ceilings.train[model]
    measured = run.cost(model, stage).peak_rss_mb
    peak = math.nan if measured is None else measured
    passed = peak <= ceiling
    shown = "undefined" if math.isnan(peak) else f"{peak:.0f} MB"
    end = "fits" if passed else "undefined on this system" if math.isnan(peak) else "too much"
    return Verdict(
        outcome=outcome_of(passed),
        observed=peak,
        reference=ceiling,
        message=f"{stage} {model}: peak {shown}, ceiling {ceiling:.0f} MB: {end}",
    )


def no_slower(run: Evidence, subject: Subject) -> Verdict:
    """Judge that a merged adapter encodes about as fast as the base.

    Fails only where the whole interval of the ratio is above the limit: noise alone cannot fail it.
    """
    limit = run.inputs.case.gates.latency_ratio
    seconds, base = run.latency(subject.model)[int(subject.batch)]
    ratio = ratio_interval(seconds, base)
    outcome: Outcome
    if any(map(math.isnan, (ratio.value, ratio.low, ratio.high))):
        outcome, end = "fail", "undefined: a time is missing"
    elif ratio.low > limit:
        outcome, end = "fail", "slower"
    elif ratio.value > limit:
        outcome, end = "inconclusive", "above the limit, but so is noise"
    else:
        outcome, end = "pass", "as fast"
    return Verdict(
        outcome=outcome,
        observed=ratio.value,
        reference=limit,
        message=f"{subject.model} encode time / base, {subject.batch} texts a call: {ratio.value:.3f} "
        f"(95 % interval {ratio.low:.3f} to {ratio.high:.3f}), limit {limit}: {end}",
    )
