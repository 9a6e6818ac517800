"""Values are held against each other and against the case's limits; what is undefined fails, and says why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import gates
from harness.case import ShareGate
from harness.metrics import MetricResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.gates import Verdict

NAN = math.nan
SHARE = ShareGate(model="lora", of="standard", metric="spearman", share=0.9)
UNDEFINED = MetricResult(NAN, "only one label")


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
    "share-of-stored": (
        gates.reaches_share(SHARE, MetricResult(0.82), MetricResult(0.852), stored=True),
        "pass",
        "lora spearman 0.820, stored standard 0.852: 96.2% of standard, at least 90%",
    ),
    "share-of-nothing-stored": (
        gates.reaches_share(SHARE, MetricResult(0.82), MetricResult(NAN, "no baseline is stored"), stored=True),
        "fail",
        "lora spearman 0.820, stored standard NaN: undefined: no baseline is stored",
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
        "lora on probes: mean cosine distance 0.3750 from the base, expected at least 0.01: it moved",
    ),
    "does-not-diverge": (
        diverges(1.0, 1.0),
        "fail",
        (
            "lora on probes: mean cosine distance 0.0000 from the base, expected at least 0.01: the output is the "
            "base's: was the adapter applied?"
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
def test_nan_fails_with_its_reason(assert_undefined: Callable[..., None], verdict: Verdict, reason: str) -> None:
    assert_undefined(verdict, reason)


def test_a_verdict_carries_what_the_report_needs() -> None:
    assert ("lora", "spearman", 0.9) == (share(0.8, 0.8).model, share(0.8, 0.8).metric, share(0.8, 0.8).reference)
    assert (1.0, "encode 32") == (no_slower(1.0, 0.9, 1.1).observed, no_slower(1.0, 0.9, 1.1).metric)


RANK = {"fail": 0, "inconclusive": 1, "pass": 2}
# Each gate as a function of one observed value, in the direction in which a greater one is better.
GATES: dict[str, Callable[[float], Verdict]] = {
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


@given(limit=st.floats(0.5, 2), ratio=st.floats(0.5, 2), spread=st.floats(0, 1))
def test_latency_fails_only_where_the_whole_interval_is_above_the_limit(
    limit: float, ratio: float, spread: float
) -> None:
    verdict = no_slower(ratio, ratio - spread, ratio + spread, limit)
    assert (ratio - spread > limit) == (verdict.verdict == "fail")
    assert (ratio <= limit) == (verdict.verdict == "pass")
