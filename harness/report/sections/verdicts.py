"""The verdicts of the gates: what did not pass, what passed, what could not be judged or measured."""

from dataclasses import asdict
from typing import Any

from harness.gates import GATES, Skipped, Verdict
from harness.report.headline import of_outcome
from harness.report.links import figure_id
from harness.report.types import Report
from harness.text import count

_SHOWN = 8  # of what did not pass: the causes come first


def missing(report: Report) -> list[tuple[str, str]]:
    """Return each model that could not be measured, and each part that could not be made, with its reason."""
    found = {**report.case.missing, **report.case.failed_parts}
    return [(name, reason or "The reason is in the tests' table.") for name, reason in found.items()]


def not_passed(report: Report) -> dict[str, Any]:
    """Return the failures, then what is inconclusive, causes before their consequences; what are too many apart."""
    failed, unsure = of_outcome(report.case, "fail"), of_outcome(report.case, "inconclusive")
    rows = [_verdict(report, verdict) for verdict in (*failed, *unsure)]
    return {"first": rows[:_SHOWN], "rest": rows[_SHOWN:]} if rows else {}


def passed(report: Report) -> dict[str, Any]:
    """Return the verdicts that passed."""
    rows = [_verdict(report, verdict) for verdict in of_outcome(report.case, "pass")]
    return {"rows": rows, "line": count(len(rows), "gate")} if rows else {}


def skipped(report: Report) -> dict[str, Any]:
    """Return the gates that were not judged, with what failed in their place."""
    rows = [{**_about(row), "cause": row.cause} for row in report.case.skipped]
    return {"rows": rows, "line": count(len(rows), "gate")} if rows else {}


def _verdict(report: Report, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict, with the chart that shows its values, if it is drawn."""
    key = GATES[verdict.gate].chart_of(verdict.subject)
    titles = [chart.title for chart in report.charts if chart.name == key]
    chart = {"id": figure_id(report.name, key), "title": titles[0]} if titles else None
    return {**_about(verdict), "outcome": verdict.outcome, "text": verdict.message, "chart": chart}


def _about(judged: Verdict | Skipped) -> dict[str, str]:
    """Return the gate, the model, and the rest of the subject."""
    about = asdict(judged.subject)
    model = about.pop("model")
    return {"gate": judged.gate, "model": model, "about": ", ".join(filter(None, about.values()))}
