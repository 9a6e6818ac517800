"""The summary on top of pytest-html's report: values in words; the templates only arrange."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from harness.gates import number
from harness.metrics import METRICS
from harness.report.results import cost_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.baselines import StoredValue
    from harness.gates import Verdict
    from harness.metrics import MetricResult
    from harness.pairs import Pair
    from harness.pipeline import ModelRun
    from harness.report.types import CaseReport, RenderedChart

WORST_PAIRS = 10
"""How many pairs of each model the false-positive analysis shows."""

_NAMED = 4  # failures that a headline names after the first

_CAUSES = ("diverges", "merge_agrees", "comparable", "share", "beats_base", "baseline", "latency", "memory")
"""Gates, causes before their consequences: a headline names the first that failed."""

_CONTROLS = (
    {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\t\n\r"}
    | {127: "\u2421"}
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
)
"""Characters that HTML or UTF-8 cannot hold -> what stands for them."""


def summary_html(reports: Sequence[CaseReport], charts: Mapping[str, Sequence[RenderedChart]]) -> str:
    """The HTML on top of pytest-html's report.

    Args:
        reports: The cases.
        charts: Case name -> its charts.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("harness"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value.translate(_CONTROLS) if type(value) is str else value,
    )
    views = [_case_view(report, charts.get(report.case.name, ())) for report in reports]
    return environment.get_template("summary.html.j2").render(cases=views)


def headline(report: CaseReport) -> tuple[str, str]:
    """The case's answer: a verdict's word, and one sentence that says what blocks it, or how good it is."""
    failed = _by_cause(verdict for verdict in report.verdicts if verdict.verdict == "fail")
    unsure = _by_cause(verdict for verdict in report.verdicts if verdict.verdict == "inconclusive")
    absent = f"{_listed(report.missing)} not measured" if report.missing else ""
    if failed or absent:
        return "fail", _sentence("Blocked: " + "; ".join(part for part in (absent, _named(failed)) if part))
    if unsure:
        return "inconclusive", _sentence("Nothing fails, but not all is certain: " + _named(unsure))
    if not report.verdicts:
        return "inconclusive", "Measured, but no gate ran."
    compared = any(verdict.name == "baseline" for verdict in report.verdicts)
    of = {(share.model, share.metric): share.of for share in report.case.gates.shares}
    shares = [
        f"{v.model} reaches {v.observed:.0%} of {of[v.model, v.metric]} in {METRICS[v.metric].title}"
        for v in report.verdicts
        if v.name == "share" and (v.model, v.metric) in of
    ]
    return "pass", _sentence("; ".join(["Nothing is worse than stored" if compared else "No gate fails", *shares]))


def worst_pairs(report: CaseReport, model: str, count: int = WORST_PAIRS) -> list[tuple[Pair, float]]:
    """The negative pairs with the highest scores under a model, highest first, each with its score.

    Pairs with the same score come in the order of their texts, not of the file. A score that is NaN has no rank.
    """
    scored = zip(report.pairs, report.runs[model].evaluation.scores, strict=True)
    negative = [(pair, score) for pair, score in scored if pair.label == 0 and not math.isnan(score)]
    return heapq.nsmallest(count, negative, key=lambda row: (-row[1], row[0].text_1, row[0].text_2))


def _by_cause(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Causes before their consequences."""
    return sorted(verdicts, key=lambda verdict: _CAUSES.index(verdict.name) if verdict.name in _CAUSES else -1)


def _named(verdicts: list[Verdict]) -> str:
    """The first verdict in full, some more by name, the rest as a number."""
    if not verdicts:
        return ""
    first, *others = verdicts
    names = list(dict.fromkeys(f"{v.model} {v.metric}".strip() or v.name for v in others))
    shown = names[:_NAMED] + ([f"{len(names) - _NAMED} more"] if len(names) > _NAMED else [])
    return first.message + (f"; also {_listed(shown)}" if shown else "")


def _sentence(words: str) -> str:
    return words if words.endswith((".", "?", "!")) else words + "."


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _case_view(report: CaseReport, charts: Sequence[RenderedChart]) -> dict[str, Any]:
    """What the template of a case shows, in words: the template only arranges."""
    word, sentence = headline(report)
    counts = Counter(verdict.verdict for verdict in report.verdicts)
    return {
        "name": report.case.name,
        "description": report.case.description,
        "pairs": f"{len(report.pairs):,}",
        "verdict": word,
        "headline": sentence,
        "counts": [(verdict, counts[verdict]) for verdict in ("pass", "fail", "inconclusive")],
        "models": [{"name": name, "colour": report.colours[name]} for name in report.measured],
        "metrics": [
            {
                "title": metric.title,
                "unit": metric.unit,
                "direction": metric.direction,
                "cells": [_metric_cell(report, model, name) for model in report.measured],
            }
            for name, metric in METRICS.items()
        ],
        "costs": [_cost_view(run) for run in report.measured.values()],
        "charts": charts,
        "pair_types": _pair_type_rows(report),
        "worst": [_worst_view(report, model) for model in report.measured],
        "problems": [v for word in ("fail", "inconclusive") for v in _by_cause(report.verdicts) if v.verdict == word],
        "passed": [v for v in report.verdicts if v.verdict == "pass"],
    }


def _metric_cell(report: CaseReport, model: str, metric: str) -> dict[str, str]:
    result, unit = report.runs[model].evaluation.metrics[metric], METRICS[metric].unit
    stored, verdict = report.stored(model, metric), report.verdict(model, metric)
    comparable = report.baseline is not None and report.baseline.origin.eval_sha256 == report.pairs.digest
    if verdict is not None:  # it knows the base as well
        comparable = not math.isnan(verdict.reference)
    degenerate = "threshold no better than calling every pair positive" if result.details.get("degenerate") else ""
    return {
        "value": _plain(result.value, unit),
        "note": result.reason or degenerate,
        "stored": _plain(stored.value, unit) if stored else "none",
        "change": _change(result.value, stored, unit, comparable=comparable),
        "tolerance": number(stored.tolerance, unit) if stored else "none",
        "verdict": verdict.verdict if verdict else "not gated",
    }


def _change(value: float, stored: StoredValue | None, unit: str, *, comparable: bool) -> str:
    if stored is None:
        return "none"
    return _signed(value - stored.value, unit) if comparable else "not comparable"


def _cost_view(run: ModelRun) -> dict[str, str]:
    cost, trained = cost_of(run), run.training or {}
    total, trainable = cost["parameters"]["total"], cost["parameters"]["trainable"]
    peaks = {
        stage: "unknown" if peak is None or math.isnan(peak) else f"{peak:,.0f} MB"
        for stage, peak in cost["peak_rss_mb"].items()
    }
    return {
        "model": run.name,
        "total": f"{total:,}",
        "trainable": f"{trainable:,} ({trainable / total:.1%})" if trained else "not trained",
        "precision": str(trained.get("precision", "not trained")),
        "train_seconds": f"{cost['train_seconds']:,.1f} s" if trained else "not trained",
        "train_peak": peaks.get("train", "not trained"),
        "encode_seconds": f"{run.encoding['encode_seconds']:,.1f} s for {run.encoding['texts']:,} texts",
        "encode_peak": peaks["encode"],
    }


def _pair_type_rows(report: CaseReport) -> list[tuple[str, list[str]]]:
    """False positives of each pair type that has negatives, a cell a model; the sum first."""
    results = [run.evaluation.metrics["false_positives"] for run in report.measured.values()]
    types = sorted({name for result in results for name in result.details.get("by_pair_type", {})})

    def cell(result: MetricResult, pair_type: str | None) -> str:
        if math.isnan(result.value):
            return "undefined"
        if pair_type is None:
            return f"{result.value:,.0f} of {result.details['negatives']:,}"
        found = result.details["by_pair_type"][pair_type]
        return f"{found['false_positives']:,} of {found['negatives']:,}"

    return [(name or "all", [cell(result, name) for result in results]) for name in (None, *types)] if types else []


def _worst_view(report: CaseReport, model: str) -> dict[str, Any]:
    details = report.runs[model].evaluation.metrics["best_f1"].details
    threshold = details.get("threshold", math.nan)
    return {
        "model": model,
        "colour": report.colours[model],
        "threshold": _plain(threshold),
        "degenerate": bool(details.get("degenerate")),
        "rows": [
            {
                "pair": pair,
                "score": _plain(score),
                "over": _signed(score - threshold),
                "kind": _kind(score, threshold),
            }
            for pair, score in worst_pairs(report, model)
        ],
    }


def _kind(score: float, threshold: float) -> str:
    if math.isnan(threshold):
        return "no threshold"
    return "false positive" if score >= threshold else "below the threshold"


def _plain(value: float, unit: str = "") -> str:
    return "undefined" if math.isnan(value) else number(value, unit).replace("-", "\N{MINUS SIGN}")


def _signed(value: float, unit: str = "") -> str:
    """A change with its sign; no sign where it is nothing at the shown precision."""
    shown = _plain(abs(value), unit)
    sign = "" if math.isnan(value) or not float(shown) else "+" if value > 0 else "\N{MINUS SIGN}"
    return sign + shown
