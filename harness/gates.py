"""Values + limits -> verdicts. Pure: no file, no model. Each gate says in words what it saw and what it expected."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness.baselines import DECIMALS
from harness.case import BASE
from harness.encoding import row_cosines
from harness.evaluation import nan_to_null
from harness.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    from numpy.typing import NDArray

    from harness.baselines import Baseline, Origin, StoredValue
    from harness.case import ShareGate
    from harness.metrics import MetricResult

PROPERTY = "embedding-harness"
"""The user property of a pytest report that holds a verdict as JSON."""

FAILURE = "embedding-harness-failure"
"""The user property of a pytest report that holds a case's unmeasured models, each with its reason, as JSON."""

_NUMERIC_NOISE = 1e-6  # of a cosine distance in fp32

_UNDEFINED = "undefined: an embedding is zero or not a number"

UPDATE = "pytest evals/ -m full --update-baselines"


@dataclass(frozen=True)
class Verdict:
    """The answer of one gate.

    Attributes:
        name: The gate.
        model: The model it is about.
        metric: What was measured: a metric, a stage, a category and a metric.
        verdict: The answer; `fail` stops a release.
        observed: What came; NaN where undefined.
        reference: What it was held against; NaN where there is none.
        message: The answer in words.
    """

    name: str
    model: str
    metric: str
    verdict: Literal["pass", "fail", "inconclusive"]
    observed: float
    reference: float
    message: str


def no_worse_than_stored(
    model: str, metric: str, observed: MetricResult, baseline: Baseline | None, origin: Origin, *, category: str = ""
) -> Verdict:
    """A value is not worse than its baseline by more than the tolerance; the base's is neither worse nor better.

    Args:
        model: The model. The base is not trained: whichever way it moves, something else was changed.
        metric: A key of `METRICS`.
        observed: What was measured now; NaN fails with its reason.
        baseline: What is stored; fails where there is none, or none that can be compared with.
        origin: What this run is made from.
        category: The category whose pairs were measured; all pairs without it.
    """
    subject = f"{model} {category} {metric}" if category else f"{model} {metric}"
    name = f"{category}/{metric}" if category else metric
    unit = METRICS[metric].unit
    stored = _stored(baseline, origin, model, metric, category)
    if isinstance(stored, str):
        message = f"{subject} {number(observed.value, unit)}: not comparable: {stored}"
        return Verdict("baseline", model, name, "fail", observed.value, math.nan, message)
    lost = stored.value - observed.value if stored.direction == "higher" else observed.value - stored.value
    allowed = stored.tolerance + 10**-DECIMALS  # a value is no worse than itself, rounded
    if math.isnan(observed.value):
        end = f"undefined: {observed.reason}"
    elif lost > allowed:
        end = f"worse by {number(lost, unit)}"
    elif lost < -allowed:
        hint = "the untrained base cannot improve" if model == BASE else "the baseline could be raised"
        end = f"better by {number(-lost, unit)}; {hint}"
    else:
        end = "no worse"
    passed = abs(lost) <= allowed if model == BASE else lost <= allowed
    return Verdict(
        "baseline", model, name, _outcome(passed), observed.value, stored.value,
        f"{subject} {number(observed.value, unit)}, stored {number(stored.value, unit)}, "
        f"tolerance {number(stored.tolerance, unit)}: {end}",
    )  # fmt: skip


def comparable(
    origin: Origin,
    baseline: Baseline | None,
    models: Collection[str],
    metrics: Collection[str],
    categories: Collection[str],
) -> Verdict:
    """The stored baseline was made from this data and this base, and holds neither more nor fewer things to compare.

    Args:
        origin: What this run is made from.
        baseline: What is stored.
        models: The case's models.
        metrics: The names of the metrics measured now.
        categories: The categories with enough pairs to be compared.
    """
    problems = _origin_problems(baseline, origin)
    if baseline is not None:
        problems += _differences("model", set(baseline.models), set(models))
        for model, stored in sorted(baseline.models.items()):
            problems += _differences(f"{model} metric", set(stored.metrics), set(metrics))
            problems += _differences(f"{model} category", set(stored.categories), set(categories))
    message = f"not comparable: {'; '.join(problems)}. After an intended change: {UPDATE}"
    return Verdict(
        "comparable", "", "", _outcome(not problems), len(problems), 0, message if problems else "comparable"
    )


def reaches_share(gate: ShareGate, observed: MetricResult, of: MetricResult) -> Verdict:
    """A model reaches the case's share of another one in a metric, such as LoRA 90 % of full fine-tuning."""
    measured = f"{gate.model} {gate.metric} {number(observed.value)}, {gate.of} {number(of.value)}"
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
        "share", gate.model, gate.metric, _outcome(passed), share, gate.share,
        f"{measured}: {share:.1%} of {gate.of}, {'at least' if passed else 'expected at least'} {gate.share:.0%}",
    )  # fmt: skip


def beats_base(model: str, metric: str, observed: MetricResult, base: MetricResult) -> Verdict:
    """A trained model is better than the base in a metric."""
    higher = METRICS[metric].direction == "higher"
    passed = observed.value > base.value if higher else observed.value < base.value
    undefined = math.isnan(observed.value) or math.isnan(base.value)
    reason = f"undefined: {observed.reason or base.reason}" if undefined else "not better than the untrained model"
    unit = METRICS[metric].unit
    return Verdict(
        "beats_base", model, metric, _outcome(passed), observed.value, base.value,
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
        "diverges", model, texts, _outcome(passed), distance, least,
        f"{model} {texts}: mean cosine distance {distance:.4f} from the base, expected at least {least}: {end}",
    )  # fmt: skip


def merge_agrees(model: str, merged: NDArray[np.float32], unmerged: NDArray[np.float32], least: float) -> Verdict:
    """The merged adapter computes what the unmerged one does: embeddings of the same texts, least cosine of a text."""
    cosine = float(row_cosines(merged, unmerged).min())
    passed = cosine >= least
    failure = _UNDEFINED if math.isnan(cosine) else "merging changed the model"
    end = "the same model" if passed else failure
    return Verdict(
        "merge_agrees", model, "probes", _outcome(passed), cosine, least,
        f"{model} merged and unmerged: least cosine {cosine:.6f}, expected at least {least}: {end}",
    )  # fmt: skip


def fits_memory(model: str, stage: str, peak_mb: float, ceiling_mb: float) -> Verdict:
    """A stage's peak resident memory is below its ceiling, both in MB (10^6 bytes)."""
    passed = peak_mb <= ceiling_mb
    end = "fits" if passed else "undefined on this system" if math.isnan(peak_mb) else "too much"
    return Verdict(
        "memory", model, stage, _outcome(passed), peak_mb, ceiling_mb,
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
    outcome: Literal["pass", "fail", "inconclusive"]
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


def to_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON values; NaN becomes null."""
    return {key: nan_to_null(value) for key, value in asdict(verdict).items()}


def from_json(content: dict[str, Any]) -> Verdict:
    """The inverse of `to_json`."""
    numbers = {key: math.nan if content[key] is None else content[key] for key in ("observed", "reference")}
    return Verdict(**{**content, **numbers})


def number(value: float, unit: str = "") -> str:
    """A value for people: a count of pairs with at most one decimal, the rest with three."""
    if math.isnan(value):
        return "NaN"
    return f"{round(value, 1):g}" if unit == "pairs" else f"{value:.3f}"


def _outcome(passed: bool) -> Literal["pass", "fail"]:
    return "pass" if passed else "fail"


def _stored(baseline: Baseline | None, origin: Origin, model: str, metric: str, category: str) -> StoredValue | str:
    """The stored value, or why there is none to compare with."""
    problems = _origin_problems(baseline, origin)
    if problems or baseline is None:
        return "; ".join(problems)
    if model not in baseline.models:
        return f"nothing is stored for model {model}; store it with {UPDATE}"
    stored = baseline.models[model]
    values = stored.categories.get(category, {}) if category else stored.metrics
    return values.get(metric) or f"no value is stored for it; store one with {UPDATE}"


def _origin_problems(baseline: Baseline | None, origin: Origin) -> list[str]:
    if baseline is None:
        return [f"no baseline is stored; store one with {UPDATE}"]
    was = baseline.origin
    problems = []
    if was.eval_sha256 != origin.eval_sha256:
        problems.append(
            f"the evaluation pairs are others: stored {was.eval_pairs} pairs with sha256 {was.eval_sha256[:12]}, "
            f"now {origin.eval_pairs} with {origin.eval_sha256[:12]}"
        )
    if was.base_digest != origin.base_digest:
        problems.append(
            f"the base is another: stored {was.base_name} with digest {was.base_digest[:12]}, "
            f"now {origin.base_name} with {origin.base_digest[:12]}"
        )
    return problems


def _differences(what: str, stored: set[str], now: set[str]) -> list[str]:
    return [f"{what} {name} is stored, but gone now" for name in sorted(stored - now)] + [
        f"{what} {name} is new, nothing is stored for it" for name in sorted(now - stored)
    ]
