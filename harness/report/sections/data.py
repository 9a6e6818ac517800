"""The audit of the pairs, and the metrics without the evaluation pairs that are in the training data."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from harness.data.audit import CHECKS
from harness.gates import Verdict
from harness.metrics import METRICS
from harness.report import cells
from harness.report.github import markdown_text, table
from harness.report.types import Report
from harness.results import AuditEntry, CheckEntry
from harness.text import MINUS, count, cut, listed, number

_LONGEST_EXAMPLE = 400  # characters
WORDS = {"pass": "pass", "inconclusive": "warn", "fail": "fail"}
"""Outcome of a check -> its word: it is inconclusive where the case only warns."""


def data(report: Report) -> dict[str, Any]:
    """Return a row for each check, and where pairs leak one for each metric without them."""
    audit = report.case.audit
    if audit is None:
        return {}
    models = {name: model for name, model in report.models.items() if model.without_leakage}

    def cell(model: str, metric: str) -> dict[str, str]:
        entry, unit = models[model].metrics[metric], METRICS[metric].unit
        without = models[model].without_leakage[metric]
        return {
            "all": cells.value(entry.value, unit),
            "without": cells.value(without, unit),
            "change": cells.change(without - entry.value, unit),
            "tolerance": number(entry.tolerance, unit),
        }

    return {
        "line": _line(audit),
        "checks": [_check(name, audit.checks[name]) for name in CHECKS if name in audit.checks],
        "leaked": f"{audit.leaked:,}",
        "left": f"{report.case.pairs - audit.leaked:,}",
        "models": [cells.model(report, name) for name in models],
        "metrics": cells.rows(METRICS, models, cell),
    }


def _line(audit: AuditEntry) -> str:
    """Say how many checks pass, and name those that do not."""
    failed = [CHECKS[name].title for name, entry in audit.checks.items() if entry.outcome == "fail"]
    leaked = f"{count(audit.leaked, 'pair')} in the training data" if audit.leaked else ""
    passed = sum(entry.outcome == "pass" for entry in audit.checks.values())
    words = (f"{passed} of {count(len(audit.checks), 'check')} pass", f"not {listed(failed)}" if failed else "", leaked)
    return "; ".join(filter(None, words))


def as_text(case: str, verdicts: Sequence[Verdict]) -> str:
    """Return a line a check of a case, the failing ones last, for a terminal."""
    lines = [f"{WORDS[verdict.outcome]}  {verdict.message}" for verdict in _failing_last(verdicts)]
    return "\n".join([case, "", *lines, "", f"{_summary(verdicts)}.", ""]) + "\n"


def as_markdown(case: str, verdicts: Sequence[Verdict]) -> str:
    """Return the same for a pull request, the failing ones first."""
    rows = [(WORDS[verdict.outcome], verdict.message) for verdict in reversed(_failing_last(verdicts))]
    lines = table(("verdict", "finding"), ([markdown_text(cell) for cell in row] for row in rows))
    return "\n".join([f"### Data of {markdown_text(case)}", "", f"{_summary(verdicts)}.", "", *lines, ""])


def _failing_last(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda verdict: list(WORDS).index(verdict.outcome))


def _summary(verdicts: Sequence[Verdict]) -> str:
    counts = Counter(WORDS[verdict.outcome] for verdict in verdicts)
    return ", ".join(f"{counts[word]} {word}" for word in WORDS.values() if counts[word])


def _check(name: str, entry: CheckEntry) -> dict[str, Any]:
    check, finding = CHECKS[name], entry.finding
    return {
        "title": check.title,
        "question": check.question,
        "unit": check.unit,
        "value": check.shown(finding.value).replace("-", MINUS),
        "limit": check.shown(entry.limit),
        "outcome": entry.outcome or "not gated",
        "words": cut(finding.reason or finding.words, _LONGEST_EXAMPLE)[0],
        "examples": [cut(example, _LONGEST_EXAMPLE)[0] for example in finding.examples],
    }
