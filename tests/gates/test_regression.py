"""Worse than stored is a failure where the pairs prove it, and inconclusive where they leave it open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics import Change, RegressedPair

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.gates import Verdict

NAN = float("nan")


@pytest.fixture
def against(make_run: Callable[..., Any], verdict_of: Callable[..., Verdict]) -> Callable[..., Verdict]:
    """The verdict on a value, against a stored one with a tolerance; with `low` and `high` of the change's interval."""

    def judge(
        value: float,
        stored: float = 0.8,
        *,
        tolerance: float = 0.02,
        low: float = NAN,
        high: float = NAN,
        p_value: float = NAN,
        scores_give: float | None = None,
        model: str = "lora",
        metric: str = "spearman",
        pairs: int = 0,
    ) -> Verdict:
        run = make_run().measure(model, metric, value, "one label only")
        values = run.baseline.models[model].metrics
        values[metric] = values[metric].model_copy(update={"value": stored, "tolerance": tolerance})
        before = stored if scores_give is None else scores_give
        run.changes[model, metric, ""] = Change(value, before, value - before, low, high, p_value, "")
        run.regressed_pairs = [RegressedPair(row, 1, 0.3, 0.7, 0.4, "agree", "values") for row in range(pairs)]
        return verdict_of(run, "metric", model=model, metric=metric)

    return judge


@pytest.mark.parametrize(
    ("content", "outcome", "said"),
    [
        ({"value": 0.8}, "pass", "lora spearman 0.800, stored 0.800, tolerance 0.020: no worse"),
        ({"value": 0.785}, "pass", "lora spearman 0.785, stored 0.800, tolerance 0.020: no worse"),
        ({"value": 0.612}, "fail", "lora spearman 0.612, stored 0.800, tolerance 0.020: worse by 0.188"),
        ({"value": 0.9}, "pass", "tolerance 0.020: better by 0.100; the baseline could be raised"),
        ({"value": 0.7, "model": "base"}, "fail", "base spearman 0.700, stored 0.800, tolerance 0.020: worse by 0.100"),
        ({"value": 0.9, "model": "base"}, "fail", "better by 0.100; the untrained base cannot improve"),
        (
            {"value": 21, "stored": 17, "tolerance": 2, "metric": "false_positives"},
            "fail",
            "lora false_positives 21, stored 17, tolerance 2: worse by 4",
        ),
        (
            {"value": 3, "stored": 17, "tolerance": 2.5, "metric": "false_positives"},
            "pass",
            "lora false_positives 3, stored 17, tolerance 2.5: better by 14; the baseline could be raised",
        ),
    ],
)
def test_a_verdict_says_what_came_and_what_was_expected(
    against: Callable[..., Verdict], content: dict[str, Any], outcome: str, said: str
) -> None:
    verdict = against(**content)
    assert (outcome, True) == (verdict.outcome, verdict.message.endswith(said)), verdict.message
    assert (content["value"], content.get("stored", 0.8)) == (verdict.observed, verdict.reference)
    assert verdict.improved == ("raised" in said)


# low, high -> the outcome of a value that is worse by 0.1, and how the ends are shown.
@pytest.mark.parametrize(
    ("low", "high", "outcome", "shown"),
    [
        (-0.165, -0.05, "fail", "-0.165 to -0.050, p 0.012)"),
        (-0.165, 0.01, "inconclusive", "-0.165 to +0.010, p 0.012): inconclusive on these pairs"),
        (-0.165, -0.0004, "fail", "-0.165 to just below 0, p 0.012)"),
        (-0.165, 0.0004, "inconclusive", "-0.165 to just above 0, p 0.012): inconclusive on these pairs"),
        (-0.165, 0.0, "inconclusive", "-0.165 to 0.000, p 0.012): inconclusive on these pairs"),
    ],
)
def test_the_interval_of_the_change_decides(
    against: Callable[..., Verdict], low: float, high: float, outcome: str, shown: str
) -> None:
    verdict = against(0.7, low=low, high=high, p_value=0.012)
    assert outcome == verdict.outcome
    assert verdict.message.endswith(f"worse by 0.100 (95 % interval of the change {shown}")


@pytest.mark.parametrize(
    ("p_value", "shown"), [(1 / 2001, ", p < 0.001)"), (0.001, ", p 0.001)"), (1, ", p 1.000)"), (NAN, "-0.050)")]
)
def test_a_p_value_is_never_shown_as_zero(against: Callable[..., Verdict], p_value: float, shown: str) -> None:
    assert against(0.7, low=-0.15, high=-0.05, p_value=p_value).message.endswith(shown)


def test_the_base_is_not_trained_so_its_interval_excuses_nothing(against: Callable[..., Verdict]) -> None:
    assert "fail" == against(0.7, low=-0.2, high=0.1, model="base").outcome


def test_where_the_stored_scores_do_not_give_the_stored_value_the_tolerance_decides(
    against: Callable[..., Verdict],
) -> None:
    verdict = against(0.7, low=-0.2, high=0.1, scores_give=0.6)
    assert "fail" == verdict.outcome
    assert "interval" not in verdict.message


def test_the_worst_regressed_pairs_are_examples_and_the_rest_is_counted(against: Callable[..., Verdict]) -> None:
    verdict = against(0.7, pairs=5)
    first = '"one" and "text 0" (agree, label 1, score 0.70 -> 0.30)'
    assert (first, 3, 2) == (verdict.examples[0], len(verdict.examples), verdict.more)
    assert verdict.text.endswith("score 0.70 -> 0.30) and 2 more")
    assert first not in verdict.message
    assert () == against(0.8, pairs=5).examples


@settings(max_examples=50)
@given(value=st.floats(-1, 1), tolerance=st.floats(0, 1), observed=st.floats(-1, 1))
def test_the_base_is_held_to_its_value_from_both_sides(
    make_run: Any, verdict_of: Any, value: float, tolerance: float, observed: float
) -> None:
    run = make_run().measure("base", "spearman", observed)
    values = run.baseline.models["base"].metrics
    values["spearman"] = values["spearman"].model_copy(update={"value": value, "tolerance": tolerance})
    expected = "pass" if abs(value - observed) <= tolerance + 1e-6 else "fail"  # stored values have six decimals
    assert expected == verdict_of(run, "metric", model="base", metric="spearman").outcome
