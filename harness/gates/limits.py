"""Gates against a limit of the case alone: on the pairs, on the embeddings of an adapter, on memory and time."""

import math

from harness.config import BASE
from harness.data.audit import CHECKS
from harness.gates.types import Evidence, Outcome, Subject, Verdict, outcome_of
from harness.metrics import row_cosines
from harness.statistics import ratio_interval

BATCHES = (1, 32, 256)
"""Texts encoded in one call, where latency is measured."""

_NUMERIC_NOISE = 1e-6  # of a cosine distance in fp32
_NO_DIRECTION = "undefined: an embedding is zero or not a number"


def data_is_sound(run: Evidence, subject: Subject) -> Verdict:
    """Judge that what a check found in the pairs is within the case's limit; inconclusive where the case only warns."""
    check = CHECKS[subject.check]
    finding, limit = run.audit().findings[subject.check], run.inputs.case.audit[subject.check]
    passed = finding.value <= limit
    end = "within" if passed else f"undefined: {finding.reason}" if math.isnan(finding.value) else "above"
    message = f"{check.title}: {check.shown(finding.value)}, limit {check.shown(limit)}: {end}"
    message += f" ({finding.words})" if finding.words else ""
    message += f": {'; '.join(finding.examples)}" if finding.examples and not passed else ""
    outcome: Outcome = outcome_of(passed)
    if not passed and subject.check in run.inputs.case.audit.warn:
        outcome, message = "inconclusive", f"{message} (the case only warns of it)"
    return Verdict(outcome=outcome, observed=finding.value, reference=limit, message=message)


def diverges(run: Evidence, subject: Subject) -> Verdict:
    """Judge that an adapter moves the embeddings of the evaluation texts (`eval`) or of the probe texts (`probes`)."""
    least = run.inputs.case.gates.divergence
    observed, base = (run.embeddings(name)[subject.texts] for name in (subject.model, BASE))
    distance = 1 - float(row_cosines(observed, base).mean())
    passed = distance >= least
    ignored = "the output is the base's: was the adapter applied?"
    failure = _NO_DIRECTION if math.isnan(distance) else ignored if distance < _NUMERIC_NOISE else "it hardly moved"
    message = (
        f"{subject.model} on {subject.texts}: mean cosine distance {distance:.4f} from the base, "
        f"expected at least {least}: {'it moved' if passed else failure}"
    )
    return Verdict(outcome=outcome_of(passed), observed=distance, reference=least, message=message)


def merge_agrees(run: Evidence, subject: Subject) -> Verdict:
    """Judge that an adapter computes the same merged as unmerged: the least cosine of a probe text."""
    least = run.inputs.case.gates.merge_agreement
    embeddings = run.embeddings(subject.model)
    cosine = float(row_cosines(embeddings["probes"], embeddings["unmerged_probes"]).min())
    passed = cosine >= least
    end = "the same model" if passed else _NO_DIRECTION if math.isnan(cosine) else "merging changed the model"
    message = f"{subject.model} merged and unmerged: least cosine {cosine:.6f}, expected at least {least}: {end}"
    return Verdict(outcome=outcome_of(passed), observed=cosine, reference=least, message=message)


def fits_memory(run: Evidence, subject: Subject) -> Verdict:
    """Judge that the peak resident memory of a stage's own process is below its ceiling, both in MB (10^6 bytes).

    Where it ran on a CUDA device that the case has a ceiling for, the peak there has to be below that one as well.
    """
    model, stage = subject.model, subject.stage
    ceilings = run.inputs.case.gates.memory_mb
    if ceilings is None:
        raise ValueError("the case has no ceilings")
    ceiling = ceilings.encode if stage == "encode" else ceilings.train[model]
    cost = run.cost(model, stage)
    measured = cost.peak_rss_mb
    peak = math.nan if measured is None else measured
    passed = peak <= ceiling
    shown = "undefined" if measured is None else f"{peak:.0f} MB"
    end = "fits" if passed else "undefined on this system" if measured is None else "too much"
    message = f"{stage} {model}: peak {shown}, ceiling {ceiling:.0f} MB: {end}"
    there = ceilings.cuda_encode if stage == "encode" else ceilings.cuda_train.get(model)
    if there is not None and cost.peak_cuda_mb is not None:
        fits = cost.peak_cuda_mb <= there
        end = "fits" if fits else "too much"
        message += f"; on the CUDA device {cost.peak_cuda_mb:.0f} MB, ceiling {there:.0f} MB: {end}"
        passed = passed and fits
    return Verdict(outcome=outcome_of(passed), observed=peak, reference=ceiling, message=message)


def no_slower(run: Evidence, subject: Subject) -> Verdict:
    """Judge that a merged adapter encodes about as fast as the base.

    Fails only where the whole interval of the ratio is above the limit: noise alone cannot fail it.
    """
    limit = run.inputs.case.gates.latency_ratio
    seconds, base = run.latency(subject.model)[int(subject.batch)]
    ratio = ratio_interval(list(seconds), list(base))
    outcome: Outcome
    if any(map(math.isnan, (ratio.value, ratio.low, ratio.high))):
        outcome, end = "fail", "undefined: a time is missing"
    elif ratio.low > limit:
        outcome, end = "fail", "slower"
    elif ratio.value > limit:
        outcome, end = "inconclusive", "above the limit, but so is noise"
    else:
        outcome, end = "pass", "as fast"
    message = (
        f"{subject.model} encode time / base, {subject.batch} texts a call: {ratio.value:.3f} "
        f"(95 % interval {ratio.low:.3f} to {ratio.high:.3f}), limit {limit}: {end}"
    )
    return Verdict(outcome=outcome, observed=ratio.value, reference=limit, message=message)
