"""Worse than stored is a failure where the pairs prove it, and inconclusive where they leave it open."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics import Change, RegressedPair

NAN = float("nan")


@pytest.fixture
def against(make_run, verdict_of):
    """The verdict on a value against a stored one with a tolerance, by the ends and the p-value of the change."""

    def judge(value, stored=0.8, tolerance=0.02, model="lora", metric="spearman", ends=(NAN,) * 3):
        run = make_run().measure(model, metric, value).store(model, metric, value=stored, tolerance=tolerance)
        run.changes[model, metric, ""] = Change(value, stored, value - stored, *ends, "")
        run.regressed_pairs = [RegressedPair(row, 1, 0.3, 0.7, 0.4, "agree", "values") for row in range(5)]
        return verdict_of(run, "metric", model=model, metric=metric)

    return judge


def test_a_verdict_says_what_came_and_what_was_expected(against):
    for values, options, outcome, said in (
        ((0.785, 0.8), {}, "pass", "lora spearman 0.785, stored 0.800, tolerance 0.020: no worse"),
        ((0.612, 0.8), {}, "fail", "lora spearman 0.612, stored 0.800, tolerance 0.020: worse by 0.188"),
        ((0.9, 0.8), {}, "pass", "tolerance 0.020: better by 0.100; the baseline could be raised"),
        ((0.7, 0.8), {"model": "base"}, "fail", "base spearman 0.700, stored 0.800, tolerance 0.020: worse by 0.100"),
        ((0.9, 0.8), {"model": "base"}, "fail", "better by 0.100; the untrained base cannot improve"),
        ((21, 17, 2), {"metric": "false_positives"}, "fail", "21, stored 17, tolerance 2: worse by 4"),
        ((3, 17, 2.5), {"metric": "false_positives"}, "pass", "2.5: better by 14; the baseline could be raised"),
    ):
        verdict = against(*values, **options)
        assert (outcome, True) == (verdict.outcome, verdict.message.endswith(said)), verdict.message
        assert (*values[:2], "raised" in said) == (verdict.observed, verdict.reference, verdict.improved)


def test_the_interval_of_the_change_decides(against):
    for ends, outcome, shown in (  # low, high, p -> the outcome of a value that is worse by 0.1, and how they are shown
        ((-0.165, -0.05, 0.012), "fail", "-0.165 to -0.050, p 0.012)"),
        ((-0.165, -0.0004, 0.012), "fail", "-0.165 to just below 0, p 0.012)"),
        ((-0.165, 0.0004, 0.012), "inconclusive", "-0.165 to just above 0, p 0.012): inconclusive on these pairs"),
        ((-0.165, 0.0, 0.012), "inconclusive", "-0.165 to 0.000, p 0.012): inconclusive on these pairs"),
        ((-0.15, -0.05, 1 / 2001), "fail", "-0.150 to -0.050, p < 0.001)"),
        ((-0.15, -0.05, NAN), "fail", "-0.150 to -0.050)"),
    ):
        verdict = against(0.7, ends=ends)
        assert outcome == verdict.outcome
        assert verdict.message.endswith(f"worse by 0.100 (95 % interval of the change {shown}")


def test_an_interval_does_not_excuse_the_base(against):
    assert "fail" == against(0.7, ends=(-0.2, 0.1, NAN), model="base").outcome


def test_the_worst_regressed_pairs_are_examples_and_the_rest_is_counted(against):
    verdict = against(0.7)
    first = '"one" and "text 0" (agree, label 1, score 0.70 -> 0.30)'
    assert (first, 3, 2) == (verdict.examples[0], len(verdict.examples), verdict.more)
    assert verdict.text.endswith("score 0.70 -> 0.30) and 2 more")
    assert first not in verdict.message
    assert () == against(0.8).examples


@settings(max_examples=50)
@given(value=st.floats(-1, 1), tolerance=st.floats(0, 1), observed=st.floats(-1, 1))
def test_the_base_is_held_to_its_value_from_both_sides(make_run, verdict_of, value, tolerance, observed):
    run = make_run().measure("base", "margin", observed).store("base", "margin", value=value, tolerance=tolerance)
    expected = "pass" if abs(value - observed) <= tolerance + 1e-6 else "fail"  # stored values have six decimals
    assert expected == verdict_of(run, "metric", model="base").outcome


def test_what_a_good_model_need_not_have_stops_nobody(make_run, verdict_of):
    """Few pairs may form no clusters under one training or another: nothing is stored of their purity then."""
    run = make_run().measure("lora", "cluster_purity", NAN, "every pair is noise")
    assert "fail" == verdict_of(run, "metric", model="lora", metric="cluster_purity").outcome
    for model in run.baseline.models.values():
        del model.metrics["cluster_purity"]
    assert "fail" == verdict_of(run, "baseline").outcome
    run.baseline.undefined["cluster_purity"] = "every pair is noise"
    assert "pass" == verdict_of(run, "baseline").outcome
    for value, shown in ((NAN, "undefined"), (0.7, "0.700")):
        run.measure("lora", "cluster_purity", value)
        verdict = verdict_of(run, "metric", model="lora", metric="cluster_purity")
        expected = f"lora cluster_purity {shown}: not compared, none is stored: every pair is noise"
        assert ("pass", expected) == (verdict.outcome, verdict.message)
