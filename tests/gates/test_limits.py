"""Values against the limits of the case: a better one never has a worse verdict, and each is told with its interval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.audit import Finding
from harness.execution import Cost
from harness.gates import NotJudgedError

NAN = float("nan")
RANK = {"fail": 0, "inconclusive": 1, "pass": 2}


def test_of_a_reference_that_is_not_measured_the_stored_value_counts(make_run, verdict_of):
    run = make_run("lora")
    verdict = verdict_of(run, "relative_performance")
    assert (0.95, 0.9) == (verdict.observed, verdict.reference)
    assert "stored standard 0.842: relative performance 95.0% (95 % interval 90% to 99%)" in verdict.message
    run.baseline.models.pop("standard")
    with pytest.raises(NotJudgedError) as caught:
        verdict_of(run, "relative_performance")
    assert "baseline" == caught.value.cause


@pytest.mark.parametrize(("gate", "rate"), [("relative_performance", None), ("stalls", 2e-5), ("learns", 2e-4)])
def test_the_reason_of_an_undefined_metric_comes_before_that_of_a_ratio(make_run, verdict_of, gate, rate):
    run = make_run().measure("standard", "spearman", NAN, "one label only").relate(rate, ratio=NAN, gap_recovered=NAN)
    verdict = verdict_of(run, gate)
    assert ("fail", True) == (verdict.outcome, verdict.message.endswith("undefined: one label only")), verdict.message


def test_better_than_the_base_is_better_in_the_metrics_direction(make_run, verdict_of):
    for value, base, outcome in ((3, 137, "pass"), (137, 137, "fail"), (138, 137, "fail")):
        run = make_run().measure("lora", "false_positives", value).measure("base", "false_positives", base)
        assert outcome == verdict_of(run, "beats_base", metric="false_positives").outcome


def test_a_check_that_only_warns_is_inconclusive_beyond_its_limit(make_run, verdict_of):
    run = make_run()
    run.inputs.case.audit.warn = ("one_word",)
    assert "pass" == verdict_of(run, "audit").outcome
    for value in (0.2, NAN):
        run.findings.update(one_word=Finding(value))
        verdict = verdict_of(run, "audit")
        assert ("inconclusive", True) == (verdict.outcome, verdict.message.endswith("(the case only warns of it)"))


def angle(run, value):
    """Turn the adapter's embeddings: the farther from the base, the better."""
    away = np.array([[np.cos(value + 1), np.sin(value + 1)]] * 3, np.float32)
    run.arrays = {"base": {"eval": np.array([[1.0, 0.0]] * 3, np.float32)}, "lora": {"eval": away}}


@pytest.mark.parametrize(
    ("peak", "outcome", "end"),
    [
        (None, "pass", "fits"),
        (299.0, "pass", "299 MB, ceiling 300 MB: fits"),
        (301.0, "fail", "ceiling 300 MB: too much"),
    ],
)
def test_memory_of_a_cuda_device_has_a_ceiling_of_its_own_where_there_is_one(
    make_run, verdict_of, monkeypatch, peak, outcome, end
):
    run = make_run()
    monkeypatch.setattr(run, "cost", lambda *_: Cost(1.0, 500.0, peak))
    monkeypatch.setitem(run.inputs.case.gates.memory_mb.cuda_train, "lora", 300.0)
    verdict = verdict_of(run, "memory")
    assert (outcome, True) == (verdict.outcome, verdict.message.endswith(end)), verdict.message


# Each gate with one observed value that is the better the greater it is.
BETTER = {
    "relative_performance": lambda run, x: run.relate(ratio=x),
    "beats_base": lambda run, x: run.measure("lora", "margin", x),
    "metric": lambda run, x: run.measure("lora", "margin", x),
    "diverges": angle,
    "memory": lambda run, x: setattr(run, "peak_mb", -1400 * x),
    "latency": lambda run, x: run.seconds.update({32: ([2 - x, 2.1 - x, 1.9 - x], [1.0] * 3)}),
    "stalls": lambda run, x: run.relate(2e-5, gap_recovered=-x),
    "learns": lambda run, x: run.relate(2e-4, gap_recovered=x),
    "audit": lambda run, x: run.findings.update(one_word=Finding(-x)),
}


@pytest.mark.parametrize("gate", BETTER)
@settings(max_examples=30)
@given(values=st.lists(st.floats(-1, 1), min_size=2, max_size=2))
def test_a_better_value_never_has_a_worse_verdict(make_run, verdict_of, gate, values):
    ranks = []
    for value in sorted(values):
        run = make_run()
        BETTER[gate](run, value)
        ranks.append(RANK[verdict_of(run, gate).outcome])
    assert sorted(ranks) == ranks


@settings(max_examples=30)
@given(ratio=st.floats(0.5, 2), spread=st.floats(1.001, 2))
def test_latency_fails_only_where_the_whole_interval_is_above_the_limit(make_run, verdict_of, ratio, spread):
    run = make_run()
    run.seconds[1] = ([ratio * spread, ratio, ratio / spread], [1.0] * 3)
    verdict = verdict_of(run, "latency", batch="1")
    assert ratio == pytest.approx(verdict.observed)
    limit = run.inputs.case.gates.latency_ratio
    if abs(ratio - limit) > 1e-9:
        assert (ratio < limit) == (verdict.outcome == "pass")
    if ratio / spread < limit:  # the least of the three ratios lies within the interval
        assert "fail" != verdict.outcome


def test_two_opposite_directions_are_no_collapse(make_run, verdict_of):
    run = make_run()
    run.arrays["lora"]["eval"] = np.float32([[1, 0], [-1, 0]] * 6)
    verdict = verdict_of(run, "collapse")
    assert ("pass", True) == (verdict.outcome, "effective rank 1.0" in verdict.message)


def test_a_base_that_lies_close_together_raises_the_limit(make_run, verdict_of):
    run = make_run()
    run.arrays["base"]["eval"] = np.float32([[10, 1], [10, -1]] * 6)
    run.arrays["lora"]["eval"] = np.float32([[9, 1], [9, -1]] * 6)
    assert "pass" == verdict_of(run, "collapse").outcome
