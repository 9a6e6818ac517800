"""The cost of each model: size, time, memory."""

import math
from typing import Any

from harness.config import BASE
from harness.execution import Cost
from harness.report import cells
from harness.report.types import Report
from harness.results import ModelEntry
from harness.text import count, percent

_TITLES = {
    "total": "Parameters",
    "trainable": "Trainable",
    "weights": "File to ship",
    "precision": "Training precision",
    "train_seconds": "Training time",
    "train_peak": "Training peak memory",
    "encode_seconds": "Encoding time",
    "encode_peak": "Encoding peak memory",
}


def models(report: Report) -> dict[str, Any]:
    """Return a row for each cost, with a cell for each measured model."""
    costs = [_cost(name, model) for name, model in report.models.items()]
    return {
        "models": [cells.model(report, name) for name in report.models],
        "rows": [(title, [cost[key] for cost in costs]) for key, title in _TITLES.items()],
    }


def _cost(name: str, model: ModelEntry) -> dict[str, str]:
    encoding, encode = model.encoding, model.costs.get("encode")
    costs = {
        "total": "not known" if encoding.parameters is None else f"{encoding.parameters:,}",
        "weights": "not known" if encoding.weights_mb is None else f"{encoding.weights_mb:,.1f} MB",
        "encode_seconds": f"{encoding.seconds:,.1f} s for {encoding.texts:,} texts",
        "encode_peak": _peak(encode),
    }
    if model.training is None:
        untrained = "not trained" if name == BASE else "elsewhere"
        return costs | dict.fromkeys(("trainable", "precision", "train_seconds", "train_peak"), untrained)
    trained, padding = model.training, "without" if model.training.packed else "with"
    counts = trained.parameters
    return costs | {
        "total": f"{counts.total:,}",
        "trainable": f"{counts.trainable:,} ({percent(counts.trainable / counts.total, 1)})",
        "precision": f"{trained.precision}, {padding} padding, {count(trained.threads, 'thread')}",
        "train_seconds": f"{trained.seconds:,.1f} s",
        "train_peak": _peak(model.costs.get("train")),
    }


def _peak(cost: Cost | None) -> str:
    peak = None if cost is None else cost.peak_rss_mb
    return "unknown" if peak is None or math.isnan(peak) else f"{peak:,.0f} MB"
