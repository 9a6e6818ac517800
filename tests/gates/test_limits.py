"""Values against the limits of the case: a better one never has a worse verdict, and each is told with its interval."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.audit import Finding
from harness.gates import NotJudgedError

if TYPE_CHECKING:
    from collections.abc import Callable

NAN = float("nan")
RANK = {"fail": 0, "inconclusive": 1, "pass": 2}
RELATIVE = {"model": "lora", "reference": "standard", "metric": "spearman"}


def test_relative_performance_is_told_with_its_interval_and_the_gap_recovered(make_run: Any, verdict_of: Any) -> None:
    verdict = verdict_of(make_run(), "relative_performance", **RELATIVE)
    assert (
        "lora spearman 0.800, standard 0.842: relative performance 95.0% (95 % interval 90% to 99%), at least 90%; "
        "gap recovered 90% (95 % interval 90% to 99%)"
    ) == verdict.message
    assert (0.95, 0.9) == (verdict.observed, verdict.reference)


def test_of_a_reference_that_is_not_measured_the_stored_value_counts(make_run: Any, verdict_of: Any) -> None:
    run = make_run("lora")
    assert "stored standard 0.842" in verdict_of(run, "relative_performance", **RELATIVE).message
    run.baseline.models.pop("standard")
    with pytest.raises(NotJudgedError) as caught:
        verdict_of(run, "relative_performance", **RELATIVE)
    assert "baseline" == caught.value.cause


@pytest.mark.parametrize(("gate", "rate"), [("relative_performance", None), ("stalls", 2e-5), ("learns", 2e-4)])
def test_the_reason_of_an_undefined_metric_comes_before_that_of_a_ratio(
    make_run: Any, verdict_of: Any, gate: str, rate: float | None
) -> None:
    run = make_run().measure("standard", "spearman", NAN, "one label only")
    run.relatives[rate] = replace(run.relatives[rate], ratio=NAN, gap_recovered=NAN)
    verdict = verdict_of(run, gate, **RELATIVE)
    assert ("fail", True) == (verdict.outcome, verdict.message.endswith("undefined: one label only")), verdict.message


@pytest.mark.parametrize(
    ("metric", "value", "base", "outcome"),
    [
        ("spearman", 0.8, -0.219, "pass"),
        ("spearman", 0.5, 0.5, "fail"),
        ("false_positives", 3, 137, "pass"),
        ("false_positives", 138, 137, "fail"),
    ],
)
def test_better_than_the_base_is_better_in_the_metrics_direction(
    make_run: Any, verdict_of: Any, metric: str, value: float, base: float, outcome: str
) -> None:
    run = make_run().measure("lora", metric, value).measure("base", metric, base)
    assert outcome == verdict_of(run, "beats_base", model="lora", metric=metric).outcome


def peak(run: Any, value: float) -> None:
    run.peak_mb = -1000 * value


def angle(run: Any, value: float) -> None:
    """Turn the adapter's embeddings: the farther from the base, and the merged from the unmerged."""
    away = np.array([[np.cos(value + 1), np.sin(value + 1)]] * 3, np.float32)
    unit = np.array([[1.0, 0.0]] * 3, np.float32)
    run.arrays = {"base": {"eval": unit}, "lora": {"eval": away, "probes": unit, "unmerged_probes": away[:, ::-1]}}


# Each gate with one observed value that is the better the greater it is.
BETTER: dict[str, tuple[Callable[[Any, float], Any], dict[str, str]]] = {
    "relative_performance": (
        lambda run, x: run.relatives.update({None: replace(run.relatives[None], ratio=x)}),
        RELATIVE,
    ),
    "beats_base": (lambda run, x: run.measure("lora", "spearman", x), {"model": "lora", "metric": "spearman"}),
    "metric": (lambda run, x: run.measure("lora", "best_f1", x), {"model": "lora", "metric": "best_f1"}),
    "diverges": (angle, {"model": "lora", "texts": "eval"}),
    "memory": (peak, {"model": "lora", "stage": "train"}),
    "latency": (
        lambda run, x: run.seconds.update({32: ([2 - x, 2.1 - x, 1.9 - x], [1.0] * 3)}),
        {"model": "lora", "batch": "32"},
    ),
    "stalls": (lambda run, x: run.relatives.update({2e-5: replace(run.relatives[2e-5], gap_recovered=-x)}), RELATIVE),
    "learns": (lambda run, x: run.relatives.update({2e-4: replace(run.relatives[2e-4], gap_recovered=x)}), RELATIVE),
    "audit": (lambda run, x: run.findings.update(one_word=Finding(-x)), {"check": "one_word"}),
}


@pytest.mark.parametrize("gate", BETTER)
@settings(max_examples=30)
@given(first=st.floats(-1, 1), second=st.floats(-1, 1))
def test_a_better_value_never_has_a_worse_verdict(
    make_run: Any, verdict_of: Any, gate: str, first: float, second: float
) -> None:
    change, subject = BETTER[gate]
    ranks = []
    for value in sorted([first, second]):
        run = make_run()
        change(run, value)
        ranks.append(RANK[verdict_of(run, gate, **subject).outcome])
    assert sorted(ranks) == ranks


@settings(max_examples=30)
@given(ratio=st.floats(0.5, 2), spread=st.floats(1, 2))
def test_latency_fails_only_where_the_whole_interval_is_above_the_limit(
    make_run: Any, verdict_of: Any, ratio: float, spread: float
) -> None:
    run = make_run()
    run.seconds[1] = ([ratio * spread, ratio, ratio / spread], [1.0] * 3)
    verdict = verdict_of(run, "latency", model="lora", batch="1")
    limit = run.inputs.case.gates.latency_ratio
    assert ratio == pytest.approx(verdict.observed)
    if abs(ratio - limit) > 1e-9:
        assert (ratio < limit) == (verdict.outcome == "pass")
    assert verdict.outcome != "fail" or ratio > limit
