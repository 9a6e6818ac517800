"""What a model reaches of another one, metric by metric: one share hides the others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.metrics import METRICS
from harness.report.words import plain, signed

if TYPE_CHECKING:
    from harness.report.types import CaseReport
    from harness.statistics import Interval

_FROM_ABOVE_ZERO = {"auc_roc", "best_f1", "cluster_purity"}
"""Metrics in which a model that knows nothing is far above 0."""


def share_views(report: CaseReport) -> list[dict[str, Any]]:
    """A table for each pair of models that the case compares by a share, with a row for each metric.

    A share is a ratio of two values that are there; where it would mean nothing, the row says why. The gain recovered
    is the same of what training gained over the base: it means something where the base is below 0, or far above.
    """
    compared = dict.fromkeys((gate.model, gate.of) for gate in report.case.gates.shares)
    return [
        {"model": model, "of": of, "rows": [_row(report, model, of, metric) for metric in METRICS]}
        for model, of in compared
        if model in report.runs and of in report.runs
    ]


def _row(report: CaseReport, model: str, of: str, metric: str) -> dict[str, str]:
    unit, lower = METRICS[metric].unit, METRICS[metric].direction == "lower"
    value, whole = (report.runs[name].evaluation.metrics[metric].value for name in (model, of))
    gates = [g for g in report.case.gates.shares if (g.model, g.of, g.metric) == (model, of, metric)]
    verdicts = [v for v in report.verdicts if (v.name, v.model, v.metric) == ("share", model, metric)]
    if math.isnan(value) or math.isnan(whole):
        share, note = "none", "undefined"
    elif lower:
        share, note = "none", "lower is better: read the difference"
    elif whole <= 0:
        share, note = "none", f"{of} is not above 0"
    else:
        share = _percent(value / whole)
        note = "a guess is far above 0 here, so the share flatters" if metric in _FROM_ABOVE_ZERO else ""
    sure = report.shares.get((model, of), {}).get(metric)
    return {
        "title": METRICS[metric].title,
        "value": plain(value, unit),
        "whole": plain(whole, unit),
        "difference": signed(value - whole, unit),
        "share": share,
        "note": note,
        "interval": "" if sure is None or share == "none" else _ends(sure.interval),
        "recovered": "none" if sure is None or math.isnan(sure.recovered) else _percent(sure.recovered),
        "recovered_interval": "" if sure is None else _ends(sure.recovered_interval),
        "least": f"{gates[0].share:.0%}" if gates else "not gated",
        "verdict": verdicts[0].verdict if gates and verdicts else "",
    }


def _ends(interval: Interval) -> str:
    return "" if math.isnan(interval.low) else f"{_percent(interval.low)} to {_percent(interval.high)}"


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("-", "\N{MINUS SIGN}")
