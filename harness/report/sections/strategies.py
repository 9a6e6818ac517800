"""The models beside each other as strategies: what each is worth, what it forgot, and what it costs."""

from typing import Any

from harness.config import BASE
from harness.metrics import METRICS
from harness.report import cells
from harness.report.types import Report
from harness.results import ModelEntry, RetrievalEntry
from harness.text import percent

_TITLES = {
    "trained": "Trained",
    "loss": "Loss",
    "spearman": METRICS["spearman"].title,
    "kept": "Kept of the base's general knowledge",
    "narrow": "Kept at fewer dimensions",
    "trainable": "Trained parameters",
    "ships": "File to ship",
    "seconds": "Training time",
    "peak": "Training peak memory",
}


def strategies(report: Report) -> dict[str, Any]:
    """Return a row for each property with a cell for each model; empty where the case searches no documents."""
    found = report.case.retrieval
    if not found:
        return {}
    names = [name for name in report.models if name in found]
    metrics = next(iter(found.values())).metrics
    rows = [(metric, [_value(found[name], metric) for name in names]) for metric in metrics]
    rows += [(_WON, [_flips(found[name]) for name in names])]
    costs = [_facts(report, name, report.models[name]) for name in names]
    rows += [(title, [cost[key] for cost in costs]) for key, title in _TITLES.items()]
    return {
        "models": [cells.model(report, name) for name in names],
        "rows": rows,
    }


_WON = "First hit won, lost since the base"


def _value(entry: RetrievalEntry, metric: str) -> str:
    value = entry.metrics[metric]
    return f"{cells.value(value.value)} ({cells.ends(value.interval)})"


def _flips(entry: RetrievalEntry) -> str:
    return "" if entry.change is None else f"{len(entry.change.won):,}, {len(entry.change.lost):,}"


def _facts(report: Report, name: str, model: ModelEntry) -> dict[str, str]:
    recipe, trained, cost = model.recipe, model.training, model.costs.get("train")
    spearman = model.metrics["spearman"]
    peak = None if cost is None else cost.peak_rss_mb
    facts = {
        "trained": "not trained" if name == BASE else model.strategy,
        "loss": str(recipe.get("loss", "")).replace("_", " "),
        "spearman": f"{cells.value(spearman.value)} ({cells.ends(spearman.interval)})",
        "kept": _verdicts(report, name, "forgetting"),
        "narrow": _verdicts(report, name, "truncation"),
        "trainable": f"{trained.parameters.trainable:,}" if trained else "",
        "ships": "" if model.encoding.weights_mb is None else f"{model.encoding.weights_mb:,.1f} MB",
        "seconds": f"{trained.seconds:,.0f} s" if trained else "",
        "peak": "" if peak is None else f"{peak:,.0f} MB",
    }
    also = {
        "hard negatives": bool(recipe.get("negatives")),
        "Matryoshka": bool(recipe.get("matryoshka")),
        f"teacher {recipe.get('teacher')}": bool(recipe.get("teacher")),
    }
    words = (facts["loss"], *(word for word, there in also.items() if there))
    return facts | {"loss": ", ".join(filter(None, words))}


def _verdicts(report: Report, model: str, gate: str) -> str:
    found = [verdict for verdict in report.case.verdicts if (verdict.gate, verdict.subject.model) == (gate, model)]
    at = {verdict: f" at {verdict.subject.width}" if verdict.subject.width else "" for verdict in found}
    return ", ".join(f"{percent(verdict.observed)}{width}" for verdict, width in at.items())
