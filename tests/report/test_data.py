"""A leak is the first thing that the report says, with what it is worth; each check is shown with its limit."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import pytest

from harness import gates
from harness.audit import CHECKS, Audit, Finding
from harness.evaluation import evaluate, to_json
from harness.github import step_summary
from harness.metrics import MetricResult
from harness.report import headline, results_json, summary_html

if TYPE_CHECKING:
    from harness.report import CaseReport

LEAKED = tuple(range(0, 90, 3))  # all negative pairs: without them nothing is defined


def leaky(report: CaseReport, leaked: tuple[int, ...], **spearman: float) -> CaseReport:
    """The report where some pairs leak, and Spearman's correlation of some models is another without them."""
    finding = Finding(
        len(leaked) / 90, f"{len(leaked)} of 90 eval pairs are in train", ("eval.jsonl:1 = train.jsonl:7",)
    )
    assert report.audit is not None
    audit = Audit({**report.audit.findings, "shared_pairs": finding}, leaked)
    free = {}
    for name, run in report.runs.items():
        reason = "no negative pair" if math.isnan(spearman.get(name, 0)) else ""
        changed = {"spearman": MetricResult(spearman[name], reason)} if name in spearman else {}
        free[name] = dataclasses.replace(run.evaluation, metrics={**run.evaluation.metrics, **changed})
    failed = gates.within_limit("shared_pairs", finding, 0)
    kept = (verdict for verdict in report.verdicts if verdict.metric != "shared_pairs")
    return dataclasses.replace(report, audit=audit, leak_free=free, verdicts=(*kept, failed))


def text_of(report: CaseReport) -> str:
    return " ".join(summary_html([report], {}).split())


def test_a_leak_that_moves_a_value_is_said_first(report: CaseReport) -> None:
    whole = report.runs["lora"].evaluation.metrics["spearman"].value
    leak = leaky(report, LEAKED, lora=whole - 0.2)
    word, sentence = headline(leak)
    said = (
        "The evaluation set leaks: 30 of 90 pairs are in the training data, word for word or nearly; "
        f"without them lora spearman is {whole - 0.2:.3f} instead of {whole:.3f}. "
        "Blocked: Eval pairs in train: 33.33%, limit 0.00%: above (30 of 90 eval pairs are in train): "
        "eval.jsonl:1 = train.jsonl:7."
    )
    assert ("fail", said) == (word, sentence)
    assert "The evaluation set leaks: 30 of 90 pairs" in step_summary([leak]).splitlines()[2]
    assert text_of(leak).index("The evaluation set leaks") < text_of(leak).index("What did not pass")


def test_a_leak_is_said_first_of_a_run_that_passes_too(report: CaseReport) -> None:
    """A case may allow a leak: what it does to the values is said nevertheless."""
    leak = leaky(report, LEAKED, lora=0.0)
    passed = tuple(verdict for verdict in leak.verdicts if verdict.verdict == "pass")
    word, sentence = headline(dataclasses.replace(leak, verdicts=passed))
    assert "pass" == word
    assert sentence.startswith("The evaluation set leaks: 30 of 90 pairs")
    assert ". Nothing is worse than stored; lora reaches" in sentence


def test_the_value_that_moves_most_is_named(report: CaseReport) -> None:
    tolerance = {name: report.stored(name, "spearman").tolerance for name in report.models}  # type: ignore[union-attr]
    whole = {name: report.runs[name].evaluation.metrics["spearman"].value for name in report.models}
    moved = {"standard": whole["standard"] + 2 * tolerance["standard"], "lora": whole["lora"] - 3 * tolerance["lora"]}
    assert "without them lora spearman" in headline(leaky(report, LEAKED, **moved))[1]
    undefined = headline(leaky(report, LEAKED, **{**moved, "standard": math.nan}))[1]
    assert f"without them standard spearman is undefined instead of {whole['standard']:.3f}." in undefined


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_a_leak_that_moves_no_value_is_only_a_verdict(report: CaseReport, share: float) -> None:
    stored = report.stored("lora", "spearman")
    assert stored is not None
    value = report.runs["lora"].evaluation.metrics["spearman"].value + share * stored.tolerance
    assert headline(leaky(report, LEAKED, lora=value))[1].startswith("Blocked: Eval pairs in train")


def test_without_a_stored_tolerance_the_least_one_counts(report: CaseReport) -> None:
    unstored = dataclasses.replace(leaky(report, LEAKED, lora=0.5), baseline=None)
    assert "without them lora spearman is 0.500" in headline(unstored)[1]


def test_the_base_was_trained_on_nothing(report: CaseReport) -> None:
    assert "leaks" not in headline(leaky(report, LEAKED, base=0.9))[1]


def test_fewer_errors_on_fewer_pairs_are_no_news(report: CaseReport) -> None:
    leak = leaky(report, LEAKED)
    free = {
        name: dataclasses.replace(evaluation, metrics={**evaluation.metrics, "false_positives": MetricResult(-100.0)})
        for name, evaluation in leak.leak_free.items()
    }
    assert "leaks" not in headline(dataclasses.replace(leak, leak_free=free))[1]


def test_the_page_shows_each_check_with_its_limit_and_both_values(report: CaseReport) -> None:
    shown = text_of(leaky(report, LEAKED, lora=0.123))
    for check in CHECKS.values():
        assert check.title in shown
    assert "<strong>33.33%</strong><small>share</small></td><td>0.00%</td>" in shown
    assert "over the 60 pairs that are left without the 30" in shown
    assert "<strong>0.123</strong> instead of " in shown
    assert "eval.jsonl:1 = train.jsonl:7" in shown


def test_without_an_audit_nothing_is_shown(report: CaseReport) -> None:
    bare = dataclasses.replace(report, audit=None)
    assert "Label from the length" not in summary_html([dataclasses.replace(bare, verdicts=())], {})
    assert "audit" not in results_json([bare], {})["cases"]["synthetic"]


def test_results_hold_the_audit(report: CaseReport) -> None:
    audit: dict[str, Any] = results_json([leaky(report, LEAKED, lora=math.nan)], {})["cases"]["synthetic"]["audit"]
    assert {
        "value": 1 / 3,
        "limit": 0,
        "unit": "share",
        "verdict": "fail",
        "words": "30 of 90 eval pairs are in train",
        "examples": ["eval.jsonl:1 = train.jsonl:7"],
    } == audit["checks"]["shared_pairs"]
    assert set(CHECKS) == set(audit["checks"])
    assert (30, None) == (audit["leaked_pairs"], audit["leak_free"]["lora"]["spearman"])


def test_metrics_without_the_leaked_pairs_are_those_of_the_rest(report: CaseReport) -> None:
    run = report.runs["lora"]
    leaked = (0, 1, 2, 50)
    rest = dataclasses.replace(
        report.pairs, pairs=tuple(pair for row, pair in enumerate(report.pairs) if row not in leaked)
    )
    row = {text: index for index, text in enumerate(report.pairs.texts)}
    expected = evaluate(run.arrays["eval"][[row[text] for text in rest.texts]], rest)
    free = evaluate(run.arrays["eval"], report.pairs, without=leaked)
    assert to_json(expected) == to_json(free)  # NaN is not equal to itself


def test_where_all_pairs_leak_nothing_is_defined(report: CaseReport) -> None:
    empty = evaluate(report.runs["lora"].arrays["eval"], report.pairs, without=range(90))
    assert all(math.isnan(result.value) and result.reason for result in empty.metrics.values())
    assert ({}, {}, ()) == (empty.categories, empty.pair_types, empty.scores)
