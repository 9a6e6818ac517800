"""Each gate passes what is good, fails what is bad and whatever is undefined, and says why in words."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import gates
from harness.baselines import Baseline, Origin, StoredModel, StoredValue
from harness.case import ShareGate
from harness.gates import UPDATE, Verdict
from harness.metrics import METRICS, MetricResult

if TYPE_CHECKING:
    from collections.abc import Callable

NAN = math.nan
ORIGIN = Origin(eval_sha256="e" * 64, eval_pairs=295, base_name="MiniLM", base_digest="b" * 64)
OTHER_DATA = ORIGIN.model_copy(update={"eval_sha256": "f" * 64, "eval_pairs": 300})
OTHER_BASE = ORIGIN.model_copy(update={"base_digest": "c" * 64, "base_name": "mpnet"})
SHARE = ShareGate(model="lora", of="standard", metric="spearman", share=0.9)
UNDEFINED = MetricResult(NAN, "only one label")


def stored(metric: str, value: float, tolerance: float) -> StoredValue:
    return StoredValue(value=value, tolerance=tolerance, direction=METRICS[metric].direction, seeds={})


def baseline(
    origin: Origin = ORIGIN, models: tuple[str, ...] = ("base", "lora"), **values: tuple[float, float]
) -> Baseline:
    metrics = {name: stored(name, *pair) for name, pair in (values or {"spearman": (0.821, 0.02)}).items()}
    model = StoredModel(metrics=metrics, categories={"values": metrics}, provenance={})
    return Baseline(version=1, origin=ORIGIN, models=dict.fromkeys(("base", "lora"), model), scores=[])


def against_stored(
    observed: float | MetricResult,
    metric: str = "spearman",
    value: float = 0.821,
    tolerance: float = 0.02,
    model: str = "lora",
) -> Verdict:
    result = observed if isinstance(observed, MetricResult) else MetricResult(observed)
    return gates.no_worse_than_stored(model, metric, result, baseline(**{metric: (value, tolerance)}), ORIGIN)


def turned(*cosines: float) -> tuple[Any, Any]:
    """Two sets of unit rows with these cosines."""
    first = np.array([[1.0, 0.0]] * len(cosines), np.float32)
    return first, np.array([[c, math.sqrt(1 - c * c)] if not math.isnan(c) else [0, 0] for c in cosines], np.float32)


def diverges(*cosines: float, least: float = 0.01) -> Verdict:
    return gates.diverges("lora", "probes", *turned(*cosines), least)


def merge_agrees(*cosines: float, least: float = 0.9999) -> Verdict:
    return gates.merge_agrees("lora", *turned(*cosines), least)


def share(observed: float | MetricResult, of: float | MetricResult) -> Verdict:
    return gates.reaches_share(SHARE, *(v if isinstance(v, MetricResult) else MetricResult(v) for v in (observed, of)))


def beats(observed: float | MetricResult, base: float | MetricResult, metric: str = "spearman") -> Verdict:
    results = (v if isinstance(v, MetricResult) else MetricResult(v) for v in (observed, base))
    return gates.beats_base("lora", metric, *results)


def no_slower(ratio: float, low: float, high: float, limit: float = 1.15) -> Verdict:
    return gates.no_slower("lora", 32, ratio, low, high, limit)


SAID = {
    "stored-worse": (
        against_stored(0.612),
        "fail",
        "lora spearman 0.612, stored 0.821, tolerance 0.020: worse by 0.209",
    ),
    "stored-same": (against_stored(0.821), "pass", "lora spearman 0.821, stored 0.821, tolerance 0.020: no worse"),
    "stored-within": (against_stored(0.805), "pass", "lora spearman 0.805, stored 0.821, tolerance 0.020: no worse"),
    "stored-better": (
        against_stored(0.9),
        "pass",
        "lora spearman 0.900, stored 0.821, tolerance 0.020: better by 0.079; the baseline could be raised",
    ),
    "stored-base-better": (
        against_stored(0.9, model="base"),
        "fail",
        "base spearman 0.900, stored 0.821, tolerance 0.020: better by 0.079; the untrained base cannot improve",
    ),
    "stored-base-worse": (
        against_stored(0.7, model="base"),
        "fail",
        "base spearman 0.700, stored 0.821, tolerance 0.020: worse by 0.121",
    ),
    "stored-undefined": (
        against_stored(UNDEFINED),
        "fail",
        "lora spearman NaN, stored 0.821, tolerance 0.020: undefined: only one label",
    ),
    "stored-lower-is-better-worse": (
        against_stored(21, "false_positives", 17, 2),
        "fail",
        "lora false_positives 21, stored 17, tolerance 2: worse by 4",
    ),
    "stored-lower-is-better-within": (
        against_stored(19, "false_positives", 17, 2),
        "pass",
        "lora false_positives 19, stored 17, tolerance 2: no worse",
    ),
    "stored-lower-is-better-better": (
        against_stored(3, "false_positives", 17, 2.5),
        "pass",
        "lora false_positives 3, stored 17, tolerance 2.5: better by 14; the baseline could be raised",
    ),
    "category-worse": (
        gates.no_worse_than_stored("lora", "spearman", MetricResult(0.5), baseline(), ORIGIN, category="values"),
        "fail",
        "lora values spearman 0.500, stored 0.821, tolerance 0.020: worse by 0.321",
    ),
    "no-baseline": (
        gates.no_worse_than_stored("lora", "spearman", MetricResult(0.5), None, ORIGIN),
        "fail",
        f"lora spearman 0.500: not comparable: no baseline is stored; store one with {UPDATE}",
    ),
    "model-not-stored": (
        gates.no_worse_than_stored("extra", "spearman", MetricResult(0.5), baseline(), ORIGIN),
        "fail",
        f"extra spearman 0.500: not comparable: nothing is stored for model extra; store it with {UPDATE}",
    ),
    "metric-not-stored": (
        gates.no_worse_than_stored("lora", "margin", MetricResult(0.5), baseline(), ORIGIN),
        "fail",
        f"lora margin 0.500: not comparable: no value is stored for it; store one with {UPDATE}",
    ),
    "category-not-stored": (
        gates.no_worse_than_stored("lora", "spearman", MetricResult(0.5), baseline(), ORIGIN, category="pets"),
        "fail",
        f"lora pets spearman 0.500: not comparable: no value is stored for it; store one with {UPDATE}",
    ),
    "other-data": (
        gates.no_worse_than_stored("lora", "spearman", MetricResult(0.9), baseline(), OTHER_DATA),
        "fail",
        (
            "lora spearman 0.900: not comparable: the evaluation pairs are others: stored 295 pairs with sha256 "
            "eeeeeeeeeeee, now 300 with ffffffffffff"
        ),
    ),
    "other-base": (
        gates.no_worse_than_stored("lora", "spearman", MetricResult(0.9), baseline(), OTHER_BASE),
        "fail",
        (
            "lora spearman 0.900: not comparable: the base is another: stored MiniLM with digest bbbbbbbbbbbb, now "
            "mpnet with cccccccccccc"
        ),
    ),
    "share-reached": (
        share(0.82, 0.852),
        "pass",
        "lora spearman 0.820, standard 0.852: 96.2% of standard, at least 90%",
    ),
    "share-missed": (
        share(0.612, 0.852),
        "fail",
        "lora spearman 0.612, standard 0.852: 71.8% of standard, expected at least 90%",
    ),
    "share-of-zero": (
        share(0.5, 0.0),
        "fail",
        (
            "lora spearman 0.500, standard 0.000: a share of standard is meaningless where standard is not above 0: it "
            "did not learn"
        ),
    ),
    "share-of-negative": (
        share(-0.2, -0.2),
        "fail",
        (
            "lora spearman -0.200, standard -0.200: a share of standard is meaningless where standard is not above 0: "
            "it did not learn"
        ),
    ),
    "beats": (beats(0.8, -0.219), "pass", "lora spearman 0.800, base -0.219: better"),
    "beats-not": (
        beats(-0.3, -0.219),
        "fail",
        "lora spearman -0.300, base -0.219: not better than the untrained model",
    ),
    "equals-base": (beats(0.5, 0.5), "fail", "lora spearman 0.500, base 0.500: not better than the untrained model"),
    "beats-lower": (beats(3, 137, "false_positives"), "pass", "lora false_positives 3, base 137: better"),
    "beats-not-lower": (
        beats(138, 137, "false_positives"),
        "fail",
        "lora false_positives 138, base 137: not better than the untrained model",
    ),
    "diverges": (
        diverges(0.5, 0.75),
        "pass",
        "lora probes: mean cosine distance 0.3750 from the base, expected at least 0.01: it moved",
    ),
    "does-not-diverge": (
        diverges(1.0, 1.0),
        "fail",
        (
            "lora probes: mean cosine distance 0.0000 from the base, expected at least 0.01: the output is the base's: "
            "was the adapter applied?"
        ),
    ),
    "merge-agrees": (
        merge_agrees(1.0, 1.0),
        "pass",
        "lora merged and unmerged: least cosine 1.000000, expected at least 0.9999: the same model",
    ),
    "merge-does-not-agree": (
        merge_agrees(1.0, 0.5),
        "fail",
        "lora merged and unmerged: least cosine 0.500000, expected at least 0.9999: merging changed the model",
    ),
    "memory-fits": (
        gates.fits_memory("lora", "train", 1100.4, 1200),
        "pass",
        "train lora: peak 1100 MB, ceiling 1200 MB: fits",
    ),
    "memory-too-much": (
        gates.fits_memory("lora", "train", 1300.6, 1200),
        "fail",
        "train lora: peak 1301 MB, ceiling 1200 MB: too much",
    ),
    "memory-undefined": (
        gates.fits_memory("lora", "train", NAN, 1200),
        "fail",
        "train lora: peak nan MB, ceiling 1200 MB: undefined on this system",
    ),
    "latency-as-fast": (
        no_slower(1.02, 0.98, 1.06),
        "pass",
        "lora encode time / base, 32 texts a call: 1.020 (95 % interval 0.980 to 1.060), limit 1.15: as fast",
    ),
    "latency-slower": (
        no_slower(1.3, 1.2, 1.4),
        "fail",
        "lora encode time / base, 32 texts a call: 1.300 (95 % interval 1.200 to 1.400), limit 1.15: slower",
    ),
    "latency-inconclusive": (
        no_slower(1.2, 1.1, 1.4),
        "inconclusive",
        (
            "lora encode time / base, 32 texts a call: 1.200 (95 % interval 1.100 to 1.400), limit 1.15: above the "
            "limit, but so is noise"
        ),
    ),
    "latency-wide-but-below": (
        no_slower(1.1, 0.9, 1.4),
        "pass",
        "lora encode time / base, 32 texts a call: 1.100 (95 % interval 0.900 to 1.400), limit 1.15: as fast",
    ),
    "latency-touches-the-limit": (
        no_slower(1.2, 1.15, 1.4),
        "inconclusive",
        (
            "lora encode time / base, 32 texts a call: 1.200 (95 % interval 1.150 to 1.400), limit 1.15: above the "
            "limit, but so is noise"
        ),
    ),
}


@pytest.mark.parametrize(("verdict", "outcome", "message"), SAID.values(), ids=SAID)
def test_a_verdict_says_in_words_what_came_and_what_was_expected(verdict: Verdict, outcome: str, message: str) -> None:
    assert (outcome, message) == (verdict.verdict, verdict.message)


# What is undefined, and which reason the message must give.
NOT_A_NUMBER = {
    "stored": (against_stored(UNDEFINED), "only one label"),
    "stored-base": (against_stored(UNDEFINED, model="base"), "only one label"),
    "stored-lower": (against_stored(UNDEFINED, "false_positives", 17, 2), "only one label"),
    "stored-category": (
        gates.no_worse_than_stored("lora", "spearman", UNDEFINED, baseline(), ORIGIN, category="values"),
        "only one label",
    ),
    "no-baseline": (gates.no_worse_than_stored("lora", "spearman", UNDEFINED, None, ORIGIN), "no baseline is stored"),
    "share": (share(UNDEFINED, 0.8), "only one label"),
    "share-of": (share(0.8, UNDEFINED), "only one label"),
    "share-both": (share(UNDEFINED, UNDEFINED), "only one label"),
    "beats": (beats(UNDEFINED, 0.1), "only one label"),
    "beats-lower": (beats(UNDEFINED, 137, "false_positives"), "only one label"),
    "beats-undefined-base": (beats(0.8, UNDEFINED), "only one label"),
    "diverges": (diverges(0.5, NAN), "undefined"),
    "merge": (merge_agrees(1.0, NAN), "undefined"),
    "memory": (gates.fits_memory("lora", "train", NAN, 1200), "undefined"),
    "latency": (no_slower(NAN, NAN, NAN), "undefined"),
    "latency-ratio": (no_slower(NAN, 1.0, 1.1), "undefined"),
    "latency-low": (no_slower(1.0, NAN, 1.1), "undefined"),
    "latency-high": (no_slower(1.0, 0.9, NAN), "undefined"),
}


@pytest.mark.parametrize(("verdict", "reason"), NOT_A_NUMBER.values(), ids=NOT_A_NUMBER)
def test_nan_never_passes(verdict: Verdict, reason: str) -> None:
    assert "fail" == verdict.verdict


@pytest.mark.parametrize(("verdict", "reason"), NOT_A_NUMBER.values(), ids=NOT_A_NUMBER)
def test_nan_is_told_with_its_reason_and_not_with_another(verdict: Verdict, reason: str) -> None:
    assert reason in verdict.message
    for wrong in (
        "did not learn",
        "not better than",
        "was the adapter applied",
        "merging changed",
        ": slower",
        "as fast",
    ):
        assert wrong not in verdict.message


def test_a_verdict_carries_what_the_report_needs() -> None:
    verdict = against_stored(0.612)
    assert ("baseline", "lora", "spearman") == (verdict.name, verdict.model, verdict.metric)
    assert (0.612, 0.821) == (verdict.observed, verdict.reference)
    verdict = gates.no_worse_than_stored("lora", "spearman", MetricResult(0.5), baseline(), ORIGIN, category="values")
    assert ("values/spearman", 0.5, 0.821) == (verdict.metric, verdict.observed, verdict.reference)
    assert ("lora", "spearman", 0.9) == (share(0.8, 0.8).model, share(0.8, 0.8).metric, share(0.8, 0.8).reference)
    assert (1.0, "encode 32") == (no_slower(1.0, 0.9, 1.1).observed, no_slower(1.0, 0.9, 1.1).metric)


@pytest.mark.parametrize("verdict", [against_stored(0.7), against_stored(UNDEFINED), no_slower(NAN, NAN, NAN)])
def test_a_verdict_comes_back_from_strict_json_as_it_was(verdict: Verdict) -> None:
    back = gates.from_json(json.loads(json.dumps(gates.to_json(verdict), allow_nan=False)))
    assert repr(verdict) == repr(back)


BOTH = ("base", "lora")
# baseline, models, metrics and categories of now, and what is said
COMPARED = {
    "same": (baseline(), BOTH, ["spearman"], ["values"], []),
    "no-baseline": (None, BOTH, ["spearman"], ["values"], ["no baseline is stored"]),
    "vanished-metric": (
        baseline(spearman=(0.8, 0.1), margin=(0.5, 0.1)),
        BOTH,
        ["spearman"],
        ["values"],
        ["base metric margin is stored, but gone now", "lora metric margin is stored, but gone now"],
    ),
    "new-metric": (
        baseline(),
        BOTH,
        ["spearman", "margin"],
        ["values"],
        ["base metric margin is new, nothing is stored for it", "lora metric margin is new, nothing is stored for it"],
    ),
    "vanished-model": (baseline(), ("base",), ["spearman"], ["values"], ["model lora is stored, but gone now"]),
    "new-model": (
        baseline(),
        (*BOTH, "big"),
        ["spearman"],
        ["values"],
        ["model big is new, nothing is stored for it"],
    ),
    "vanished-category": (
        baseline(),
        BOTH,
        ["spearman"],
        [],
        ["base category values is stored, but gone now", "lora category values is stored, but gone now"],
    ),
    "new-category": (
        baseline(),
        BOTH,
        ["spearman"],
        ["values", "pets"],
        ["base category pets is new, nothing is stored", "lora category pets is new, nothing is stored"],
    ),
}


def assert_said(verdict: Verdict, problems: list[str]) -> None:
    assert ("fail" if problems else "pass", len(problems)) == (verdict.verdict, verdict.observed)
    if not problems:
        assert "comparable" == verdict.message
        return
    assert verdict.message.startswith("not comparable: ")
    assert verdict.message.endswith(f". After an intended change: {UPDATE}")
    assert [] == [problem for problem in problems if problem not in verdict.message]


@pytest.mark.parametrize(("stored", "models", "metrics", "categories", "problems"), COMPARED.values(), ids=COMPARED)
def test_what_cannot_be_compared_is_named_in_its_own_words(
    stored: Baseline | None, models: tuple[str, ...], metrics: list[str], categories: list[str], problems: list[str]
) -> None:
    assert_said(gates.comparable(ORIGIN, stored, models, metrics, categories), problems)


@pytest.mark.parametrize(
    ("origin", "problems"),
    [
        (OTHER_DATA, ["the evaluation pairs are others: stored 295 pairs"]),
        (OTHER_BASE, ["the base is another: stored MiniLM with"]),
        (
            OTHER_DATA.model_copy(update={"base_digest": "0" * 64}),
            ["the evaluation pairs are others", "the base is another"],
        ),
        (ORIGIN.model_copy(update={"base_name": "a mirror of the same files"}), []),
    ],
    ids=["data", "base", "both", "only-the-name"],
)
def test_another_origin_cannot_be_compared(origin: Origin, problems: list[str]) -> None:
    assert_said(gates.comparable(origin, baseline(), BOTH, ["spearman"], ["values"]), problems)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.8214, "", "0.821"),
        (-0.2194, "rank correlation", "-0.219"),
        (17.0, "pairs", "17"),
        (2.5, "pairs", "2.5"),
        (NAN, "", "NaN"),
        (NAN, "pairs", "NaN"),
    ],
)
def test_numbers_are_written_for_people(value: float, unit: str, expected: str) -> None:
    assert expected == gates.number(value, unit)


RANK = {"fail": 0, "inconclusive": 1, "pass": 2}
# Each gate as a function of one observed value, in the direction in which a greater one is better.
GATES: dict[str, Callable[[float], Verdict]] = {
    "stored": lambda x: against_stored(x),
    "stored-lower": lambda x: against_stored(-x, "false_positives", 0.3, 0.1),
    "share": lambda x: share(x, 0.8),
    "beats": lambda x: beats(x, 0.1),
    "beats-lower": lambda x: beats(-x, 0.1, "false_positives"),
    "diverges": lambda x: diverges(-x),
    "merge": lambda x: merge_agrees(x, least=0.5),
    "memory": lambda x: gates.fits_memory("lora", "train", -x, 0.5),
    "latency": lambda x: no_slower(-x, -x - 0.1, -x + 0.1, 0.3),
}


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
@given(first=st.floats(-1, 1), second=st.floats(-1, 1))
def test_a_better_value_never_has_a_worse_verdict(
    gate: Callable[[float], Verdict], first: float, second: float
) -> None:
    worse, better = sorted([first, second])
    assert RANK[gate(worse).verdict] <= RANK[gate(better).verdict]


@given(value=st.floats(-1, 1), tolerance=st.floats(0, 1), observed=st.floats(-1, 1))
def test_the_base_is_held_to_its_value_from_both_sides(value: float, tolerance: float, observed: float) -> None:
    rounded = 1e-6  # stored values have six decimals
    expected = "pass" if abs(value - observed) <= tolerance + rounded else "fail"
    assert expected == against_stored(observed, value=value, tolerance=tolerance, model="base").verdict


@given(limit=st.floats(0.5, 2), ratio=st.floats(0.5, 2), spread=st.floats(0, 1))
def test_latency_fails_only_where_the_whole_interval_is_above_the_limit(
    limit: float, ratio: float, spread: float
) -> None:
    verdict = no_slower(ratio, ratio - spread, ratio + spread, limit)
    assert (ratio - spread > limit) == (verdict.verdict == "fail")
    assert (ratio <= limit) == (verdict.verdict == "pass")
