"""`results.json`: everything measured and every verdict, for tools."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.metrics import nan_to_null
from harness.report.data import data_json
from harness.report.more import more_json
from harness.report.operating import operating_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.candidates import Candidate
    from harness.pipeline import ModelRun
    from harness.report.types import CaseReport

SCHEMA = 1
"""Of `results.json`. Raised when a key changes its meaning or goes."""


def results_json(reports: Iterable[CaseReport], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Everything measured and every verdict as strict JSON values; NaN becomes null.

    Args:
        reports: The cases.
        provenance: Kept as it is: versions, machine, time.
    """
    content = {
        "schema": SCHEMA,
        "cases": {
            report.case.name: {
                "models": {name: _model_json(report, name) for name in report.measured},
                "gates": [asdict(verdict) for verdict in report.verdicts],
                **({"learning_rate": _rates_json(report)} if report.rates else {}),
                **({"audit": data_json(report)} if report.audit else {}),
                **({"more": more_json(report)} if report.more else {}),
                **({"power": {name: asdict(power) for name, power in report.power.items()}} if report.power else {}),
                **({"candidate": _candidate_json(report.candidate)} if report.candidate else {}),
            }
            for report in reports
        },
        "provenance": dict(provenance),
    }
    whole: dict[str, Any] = nan_to_null(content)
    return whole


def cost_of(run: ModelRun) -> dict[str, Any]:
    """What a model takes: peak memory per stage in MB, seconds, the size of its file in MB, parameters."""
    stages = {"train": run.training, "encode": run.encoding}
    return {
        "peak_rss_mb": {stage: facts["peak_rss_mb"] for stage, facts in stages.items() if facts},
        "train_seconds": run.training["train_seconds"] if run.training else None,
        "weights_mb": run.encoding["weights_mb"],
        "parameters": (
            dict(run.training["parameters"]) if run.training else {"total": run.encoding["parameters"], "trainable": 0}
        ),
    }


def _rates_json(report: CaseReport) -> dict[str, Any]:
    """The checked model at each learning rate."""
    check = report.case.learning_rate
    assert check is not None  # noqa: S101 - or no rate would have been trained
    points = [
        {
            "learning_rate": rate,
            "value": run.evaluation.metrics[check.metric].value,
            "curve": list(run.training["curve"]) if run.training else [],
        }
        for rate, run in report.rates.items()
    ]
    return {"model": check.model, "of": check.of, "metric": check.metric, "points": points}


def _candidate_json(candidate: Candidate) -> dict[str, str]:
    """What a gate run was about."""
    return {
        "model": candidate.model,
        "strategy": candidate.strategy,
        "path": str(candidate.path),
        "sha256": candidate.digest,
    }


def _model_json(report: CaseReport, model: str) -> dict[str, Any]:
    """One model of `results.json`."""
    run = report.runs[model]
    return {
        "metrics": {name: _metric_json(report, model, name) for name in run.evaluation.metrics},
        "categories": {name: asdict(group) for name, group in run.evaluation.categories.items()},
        "pair_types": {name: asdict(group) for name, group in run.evaluation.pair_types.items()},
        **({"operating_point": operating_json(report.operating[model])} if model in report.operating else {}),
        **cost_of(run),
    }


def _metric_json(report: CaseReport, model: str, metric: str) -> dict[str, Any]:
    result = report.runs[model].evaluation.metrics[metric]
    stored, verdict = report.stored(model, metric), report.verdict(model, metric)
    interval = report.interval(model, metric)
    # A list has an item a pair or a point of a curve: it is in the store, and would be most of the file here.
    details = {key: value for key, value in result.details.items() if not isinstance(value, list)}
    return {
        "value": result.value,
        "interval": list(interval[:2]) if interval else None,
        "stored": stored.value if stored else None,
        "tolerance": stored.tolerance if stored else None,
        "verdict": verdict.verdict if verdict else None,
        **({"reason": result.reason} if result.reason else {}),
        **({"details": details} if details else {}),
    }
