"""What the audit says of the pairs, and what the models reach on those that they were not trained on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.audit import CHECKS, shown
from harness.case import BASE
from harness.gates import number
from harness.metrics import METRICS
from harness.report.words import cut, plain, signed

if TYPE_CHECKING:
    from harness.gates import Verdict
    from harness.report.types import CaseReport

_LONGEST_EXAMPLE = 400  # characters


def leak_sentence(report: CaseReport) -> str:
    """What a leak does to the values, where it does more than noise; else empty.

    Named is the value of a trained model that moves most, counted in tolerances. The base was trained on no pair here:
    what moves it is that fewer pairs are left.
    """
    moved = [
        (abs(free - whole) / tolerance if tolerance else math.inf, model, metric)
        for model in report.leak_free
        for metric in METRICS
        if model != BASE
        for whole, free, tolerance in [_values(report, model, metric)]
        if _differ(whole, free, tolerance) and METRICS[metric].unit != "pairs"  # fewer pairs, fewer errors
    ]
    if not moved or report.audit is None:
        return ""
    # What is undefined without them moved most of all; the first of equals, in the order of the case.
    _, model, metric = max(moved, key=lambda item: math.inf if math.isnan(item[0]) else item[0])
    whole, free, _ = _values(report, model, metric)
    leaked, count = len(report.audit.leaked), len(report.pairs)
    without = "undefined" if math.isnan(free) else number(free)
    return (
        f"The evaluation set leaks: {leaked:,} of {count:,} pairs are in the training data, word for word or nearly; "
        f"without them {model} {metric} is {without} instead of {number(whole)}."
    )


def data_view(report: CaseReport) -> dict[str, Any]:
    """What the page's section about the data shows, in words; nothing where the data was not audited."""
    if report.audit is None:
        return {"checks": [], "models": [], "metrics": []}
    verdicts = {verdict.metric: verdict for verdict in report.verdicts if verdict.name == "audit"}
    leaked, count = len(report.audit.leaked), len(report.pairs)
    return {
        "checks": [_check_view(report, name, verdicts.get(name)) for name in CHECKS if name in report.audit.findings],
        "leaked": f"{leaked:,}",
        "left": f"{count - leaked:,}",
        "models": [{"name": name, "colour": report.colours[name]} for name in report.leak_free],
        "metrics": [
            {
                "title": METRICS[metric].title,
                "cells": [_leak_view(report, model, metric) for model in report.leak_free],
            }
            for metric in METRICS
        ],
    }


def data_json(report: CaseReport) -> dict[str, Any]:
    """The audit in `results.json`."""
    found = report.audit
    if found is None:
        return {}
    verdicts = {verdict.metric: verdict for verdict in report.verdicts if verdict.name == "audit"}
    return {
        "checks": {
            name: {
                "value": finding.value,
                "limit": getattr(report.case.audit, name),
                "unit": CHECKS[name].unit,
                "verdict": verdicts[name].verdict if name in verdicts else None,
                "words": finding.words,
                "examples": list(finding.examples),
                **({"reason": finding.reason} if finding.reason else {}),
            }
            for name, finding in found.findings.items()
        },
        "leaked_pairs": len(found.leaked),
        "leak_free": {
            model: {metric: evaluation.metrics[metric].value for metric in METRICS}
            for model, evaluation in report.leak_free.items()
        },
    }


def _check_view(report: CaseReport, name: str, verdict: Verdict | None) -> dict[str, Any]:
    assert report.audit is not None  # noqa: S101 - or there is no check to show
    finding = report.audit.findings[name]
    return {
        "title": CHECKS[name].title,
        "question": CHECKS[name].question,
        "unit": CHECKS[name].unit,
        "value": shown(name, finding.value).replace("-", "\N{MINUS SIGN}"),
        "limit": shown(name, getattr(report.case.audit, name)),
        "verdict": verdict.verdict if verdict else "not gated",
        "words": cut(finding.reason or finding.words, _LONGEST_EXAMPLE)[0],
        "examples": [cut(example, _LONGEST_EXAMPLE)[0] for example in finding.examples],
    }


def _leak_view(report: CaseReport, model: str, metric: str) -> dict[str, str]:
    whole, free, tolerance = _values(report, model, metric)
    unit = METRICS[metric].unit
    return {
        "whole": plain(whole, unit),
        "free": plain(free, unit),
        "change": "undefined" if math.isnan(free - whole) else signed(free - whole, unit),
        "tolerance": number(tolerance, unit),
    }


def _values(report: CaseReport, model: str, metric: str) -> tuple[float, float, float]:
    """A metric over all pairs, and over those that do not leak, and its tolerance.

    Where none is stored, the case's least one counts.
    """
    whole, free = (
        evaluation.metrics[metric].value for evaluation in (report.runs[model].evaluation, report.leak_free[model])
    )
    stored = report.stored(model, metric)
    least = report.case.tolerance.base if model == BASE else report.case.tolerance.floor
    return whole, free, stored.tolerance if stored else least[metric]


def _differ(whole: float, free: float, tolerance: float) -> bool:
    return not math.isnan(whole) and (math.isnan(free) or abs(free - whole) > tolerance)
