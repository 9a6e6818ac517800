"""The summary on top of pytest-html's report: values in words; the templates only arrange."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.gates import NOW_WRONG, PROOFS, RAISE, number
from harness.metrics import METRICS
from harness.report.data import data_view, leak_sentence
from harness.report.errors import errors_view
from harness.report.flips import flips_view
from harness.report.links import chart_for, figure_id
from harness.report.more import more_views
from harness.report.operating import operating_view
from harness.report.power import power_view
from harness.report.results import cost_of
from harness.report.shares import share_views
from harness.report.words import cut, in_html, plain, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.baselines import StoredValue
    from harness.gates import Verdict
    from harness.pipeline import ModelRun
    from harness.report.types import CaseReport, RenderedChart

_LONGEST_REASON = 400  # characters of a reason in a headline

_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")  # in the path of an artefact

_NAMED = 4  # failures that a headline names after the first

_MEASURED = (
    "diverges",
    "merge_agrees",
    "comparable",
    "share",
    "beats_base",
    "baseline",
    "latency",
    "memory",
    "stalls",
    "learns",
)
_CAUSES = (*PROOFS, "audit", *_MEASURED)
"""Gates, causes before their consequences: a headline names the first that failed."""


def summary_html(
    reports: Sequence[CaseReport], charts: Mapping[str, Sequence[RenderedChart]], *, refused: str = ""
) -> str:
    """The HTML on top of pytest-html's report.

    Args:
        reports: The cases.
        charts: Case name -> its charts.
        refused: Why the run was refused before any case was measured; else empty.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("harness"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: in_html(value) if type(value) is str else value,
    )
    views = [_case_view(report, charts.get(report.case.name, ())) for report in reports]
    return environment.get_template("summary.html.j2").render(cases=views, refused=refused)


def headline(report: CaseReport) -> tuple[str, str]:
    """The case's answer: a verdict's word, and a sentence that says what blocks it, or how good it is.

    Where pairs leak and the values depend on them, that is said before: it decides what all the rest is worth.
    """
    word, sentence = _answer(report)
    return word, " ".join(part for part in (leak_sentence(report), sentence) if part)


def _answer(report: CaseReport) -> tuple[str, str]:
    failed = _by_cause(verdict for verdict in report.verdicts if verdict.verdict == "fail")
    unsure = _by_cause(verdict for verdict in report.verdicts if verdict.verdict == "inconclusive")
    # What no chosen gate asked for is not missing.
    absent = "" if report.partial else _absent(report)
    ran = f"Only {len(report.verdicts)} of {report.expected} gates ran"
    first = f"{ran}. " if report.partial else ""
    if report.error:
        return "fail", _sentence("Blocked: " + cut(" ".join(report.error.split()), _LONGEST_REASON)[0])
    blocking = [*failed, *unsure] if report.strict else failed
    if blocking or absent:
        # A candidate that a proof refuses is not measured for that very reason.
        refused = bool(failed) and failed[0].name in PROOFS
        parts = (_named(blocking),) if refused else (absent, _named(blocking))
        answer = _sentence(f"{first}Blocked: {'; '.join(part for part in parts if part)}")
        strictly = " Under --strict-verdicts, what is inconclusive counts as a failure."
        return "fail", answer + (strictly if report.strict and unsure else "")
    if unsure:
        return "inconclusive", _sentence(f"{first}Nothing fails, but not all is certain: {_named(unsure)}")
    if not report.verdicts:
        return "inconclusive", "No gate ran."
    if len(report.verdicts) < report.expected:
        return "inconclusive", f"{ran}, and none of them fails."
    compared = any(verdict.name == "baseline" for verdict in report.verdicts)
    of = {(share.model, share.metric): share.of for share in report.case.gates.shares}
    shares = [
        f"{v.model} reaches {v.observed:.0%} of {of[v.model, v.metric]} in {METRICS[v.metric].title}"
        for v in report.verdicts
        if v.name == "share" and (v.model, v.metric) in of
    ]
    answer = "Nothing is worse than stored" if compared else "No gate fails"
    if report.candidate is not None:
        answer = f"May ship in the place of {report.candidate.model}: {answer[0].lower()}{answer[1:]}"
    return "pass", _sentence("; ".join([answer, *shares, *_better(report)]))


def _absent(report: CaseReport) -> str:
    """The models that were not measured, each with its reason where it is known; the same reason once."""
    by_reason: dict[str, list[str]] = {}
    for model in report.missing:
        reason = _DIGEST.sub("\\1…", " ".join(report.failures.get(model, "").split()))
        by_reason.setdefault(cut(reason, _LONGEST_REASON)[0], []).append(model)
    return "; ".join(
        f"{_listed(models)} not measured" + (f": {reason}" if reason else "") for reason, models in by_reason.items()
    )


def _better(report: CaseReport) -> Iterator[str]:
    """How many values are better than stored by more than their tolerance; nothing where none is."""
    count = sum(verdict.message.endswith(RAISE) for verdict in report.verdicts)
    # What comes from elsewhere cannot be stored.
    hint = ": consider --update-baselines" if report.candidate is None else ""
    if count == 1:
        yield f"1 value is better than stored by more than its tolerance{hint}"
    elif count:
        yield f"{count} values are better than stored by more than their tolerance{hint}"


def _by_cause(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Causes before their consequences, and what is about all pairs before what is about a category."""

    def place(verdict: Verdict) -> tuple[int, bool]:
        return _CAUSES.index(verdict.name) if verdict.name in _CAUSES else -1, "/" in verdict.metric

    return sorted(verdicts, key=place)


def _named(verdicts: list[Verdict]) -> str:
    """The first verdict in full, some more by name, the rest as a number."""
    if not verdicts:
        return ""
    first, *others = verdicts
    names = list(dict.fromkeys(f"{v.model} {v.metric or v.name}".strip() for v in others))
    shown = names[:_NAMED] + ([f"{len(names) - _NAMED} more"] if len(names) > _NAMED else [])
    return first.message.partition(NOW_WRONG)[0] + (f"; also {_listed(shown)}" if shown else "")


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
        "id": quote(report.case.name, safe=""),
        "description": report.case.description,
        "candidate": report.candidate.words if report.candidate else "",
        "pairs": f"{len(report.pairs):,}",
        "verdict": word,
        "headline": sentence,
        "counts": [(verdict, counts[verdict]) for verdict in ("pass", "fail", "inconclusive")],
        "failures": [
            (name, report.failures.get(name, "The reason is in the tests' table."))
            for name in ([] if report.partial else report.missing)
        ],
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
        "costs": [
            _cost_view(run, "elsewhere" if report.candidate and name == report.candidate.model else "not trained")
            for name, run in report.measured.items()
        ],
        "shares": share_views(report),
        "power": power_view(report),
        "data": data_view(report),
        "operating": operating_view(report),
        "more": more_views(report),
        "charts": [{"id": figure_id(report.case.name, chart.name), "chart": chart} for chart in charts],
        "flips": flips_view(report),
        "errors": errors_view(report),
        "problems": [
            _gate_view(report, verdict, charts)
            for word in ("fail", "inconclusive")
            for verdict in _by_cause(report.verdicts)
            if verdict.verdict == word
        ],
        "passed": [_gate_view(report, verdict, charts) for verdict in report.verdicts if verdict.verdict == "pass"],
    }


def _gate_view(report: CaseReport, verdict: Verdict, charts: Sequence[RenderedChart]) -> dict[str, Any]:
    """A verdict, and the chart that shows what it is about, if there is one."""
    name = chart_for(verdict)
    chart = next((chart for chart in charts if chart.name == name), None)
    link = {"id": figure_id(report.case.name, chart.name), "title": chart.title} if chart else None
    return {"verdict": verdict, "chart": link}


def _metric_cell(report: CaseReport, model: str, metric: str) -> dict[str, str]:
    result, unit = report.runs[model].evaluation.metrics[metric], METRICS[metric].unit
    stored, verdict = report.stored(model, metric), report.verdict(model, metric)
    interval = report.interval(model, metric)
    comparable = report.baseline is not None and report.baseline.origin.eval_sha256 == report.pairs.digest
    if verdict is not None:  # it knows the base as well
        comparable = not math.isnan(verdict.reference)
    degenerate = "threshold no better than calling every pair positive" if result.details.get("degenerate") else ""
    return {
        "value": plain(result.value, unit),
        "note": result.reason or degenerate,
        "interval": f"{plain(interval.low, unit)} to {plain(interval.high, unit)}" if interval else "none",
        "stored": plain(stored.value, unit) if stored else "none",
        "change": _change(result.value, stored, unit, comparable=comparable),
        "tolerance": number(stored.tolerance, unit) if stored else "none",
        "verdict": verdict.verdict if verdict else "not gated",
    }


def _change(value: float, stored: StoredValue | None, unit: str, *, comparable: bool) -> str:
    if stored is None:
        return "none"
    return signed(value - stored.value, unit) if comparable else "not comparable"


def _cost_view(run: ModelRun, untrained: str) -> dict[str, str]:
    """What a model takes; `untrained` stands where it was not trained in this run."""
    cost, trained = cost_of(run), run.training or {}
    total, trainable = cost["parameters"]["total"], cost["parameters"]["trainable"]
    peaks = {
        stage: "unknown" if peak is None or math.isnan(peak) else f"{peak:,.0f} MB"
        for stage, peak in cost["peak_rss_mb"].items()
    }
    return {
        "model": run.name,
        "total": f"{total:,}",
        "trainable": f"{trainable:,} ({trainable / total:.1%})" if trained else untrained,
        "weights": f"{cost['weights_mb']:,.1f} MB",
        "precision": str(trained.get("precision", untrained)),
        "train_seconds": f"{cost['train_seconds']:,.1f} s" if trained else untrained,
        "train_peak": peaks.get("train", untrained),
        "encode_seconds": f"{run.encoding['encode_seconds']:,.1f} s for {run.encoding['texts']:,} texts",
        "encode_peak": peaks["encode"],
    }
