"""The report says how small a drop its gate sees, in words and for each metric."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import pytest

from harness.metrics import METRICS
from harness.power import ModelPower
from harness.report import power_rows, power_sentences, results_json, summary_html

if TYPE_CHECKING:
    from harness.report import CaseReport

LORA = ModelPower(
    fails=0.0174,
    inconclusive=0.0009,
    drops={**dict.fromkeys(METRICS, 0.0621), "best_f1": math.nan, "false_positives": 25.28},
    together={**dict.fromkeys(METRICS, 0.0249), "cluster_purity": math.nan},
)
BLIND = ModelPower(0.0, 1.0, dict.fromkeys(METRICS, math.nan), dict.fromkeys(METRICS, math.nan))


@pytest.fixture(scope="module")
def seen(report: CaseReport) -> CaseReport:
    return dataclasses.replace(report, power={"lora": LORA, "standard": BLIND})


def text_of(report: CaseReport) -> str:
    return " ".join(summary_html([report], {}).split())


def test_each_model_has_a_sentence() -> None:
    lora, standard = power_sentences({"lora": LORA, "standard": BLIND})
    assert (
        "This gate sees a drop of lora's Spearman correlation of 0.062 or more with 95 % probability; all comparisons "
        "together see forgetting that costs 0.025 of it. An equally good training fails in 1.7 % of cases, and is "
        "inconclusive in 0.1 %."
    ) == lora
    assert (
        "This gate is sure to see no drop of standard's Spearman correlation by that comparison alone. An equally good "
        "training fails in 0.0 % of cases, and is inconclusive in 100.0 %."
    ) == standard


def test_the_page_shows_each_metric_of_each_model(seen: CaseReport) -> None:
    shown = text_of(seen)
    tolerance = seen.stored("lora", "spearman").tolerance  # type: ignore[union-attr]
    assert 'href="#power-synthetic"' in shown
    assert "This gate sees a drop of lora&#39;s Spearman correlation of 0.062" in shown
    assert f"<strong>0.062</strong><small>together 0.025, tolerance {tolerance:.3f}</small>" in shown
    assert "<strong>25.3</strong>" in shown
    assert "<strong>none</strong><small>together 0.025" in shown
    assert "<strong>0.062</strong><small>together unknown" in shown


def test_a_models_name_is_shown_as_text(report: CaseReport) -> None:
    evil = "<img src=x>"
    case = report.case.model_copy(update={"models": {**report.case.models, evil: report.case.models["lora"]}})
    shown = text_of(dataclasses.replace(report, case=case, power={evil: LORA}))
    assert evil not in shown
    assert "drop of &lt;img src=x&gt;&#39;s Spearman correlation" in shown


def test_where_nothing_comparable_is_stored_nothing_is_shown(report: CaseReport) -> None:
    assert "What this gate sees" not in text_of(report)
    assert "power" not in results_json([report], {})["cases"]["synthetic"]


def test_results_hold_it(seen: CaseReport) -> None:
    power: dict[str, Any] = results_json([seen], {})["cases"]["synthetic"]["power"]
    assert ["lora", "standard"] == sorted(power)
    assert (0.0174, 0.0009) == (power["lora"]["fails"], power["lora"]["inconclusive"])
    assert (0.0621, None) == (power["lora"]["drops"]["spearman"], power["lora"]["drops"]["best_f1"])
    assert (0.0249, None) == (power["lora"]["together"]["spearman"], power["standard"]["together"]["spearman"])


def test_rows_are_below_their_titles(report: CaseReport) -> None:
    assert report.baseline is not None
    rows = power_rows({"lora": LORA}, report.baseline)
    stored = report.baseline.models["lora"].metrics["spearman"]
    assert ("lora", "spearman", f"{stored.value:.3f}", f"{stored.tolerance:.3f}", "0.062", "0.025") == rows[0]
    assert [*METRICS] == [row[1] for row in rows]
