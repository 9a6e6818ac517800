"""The models beside each other as strategies: what each is worth, what it forgot, and what it costs."""

from typing import Any

from harness.config import BASE
from harness.metrics import METRICS
from harness.report import cells
from harness.report.advice import advise
from harness.report.types import Report
from harness.results import ModelEntry, StrategyEntry

_TITLES = {
    "trained": "Trained",
    "loss": "Loss",
    "spearman": METRICS["spearman"].title,
    "kept": "Kept of what the base knows of general pairs",
    "narrow": "nDCG@10 at fewer dimensions",
    "trainable": "Trained parameters",
    "ships": "File to ship",
    "seconds": "Training time",
    "peak": "Training peak memory",
}


def strategies(report: Report) -> dict[str, Any]:
    """Return a row for each property with a cell for each model; empty where the case searches no documents."""
    found = report.case.strategies
    names = [name for name in report.models if name in found]
    if not names:
        return {}
    metrics = next(iter(found.values())).metrics
    rows = [(metric, [_value(found[name], metric) for name in names]) for metric in metrics]
    rows += [(_WON, [_flips(found[name]) for name in names])]
    costs = [_facts(name, report.models[name], found[name]) for name in names]
    rows += [(title, [cost[key] for cost in costs]) for key, title in _TITLES.items()]
    advice = advise(report.case)
    return {
        "advice": f"{advice.model or 'The base'}: {advice.reason}.",
        "models": [cells.model(report, name) for name in names],
        "rows": rows,
    }


_WON = "First hit won, lost since the base"


def _value(entry: StrategyEntry, metric: str) -> str:
    value = entry.metrics[metric]
    return f"{cells.value(value.value)} ({cells.ends(value.interval)})"


def _flips(entry: StrategyEntry) -> str:
    return "" if entry.change is None else f"{len(entry.change.won):,}, {len(entry.change.lost):,}"


def _facts(name: str, model: ModelEntry, entry: StrategyEntry) -> dict[str, str]:
    recipe, trained, cost = model.recipe, model.training, model.costs.get("train")
    spearman = model.metrics["spearman"]
    peak = None if cost is None else cost.peak_rss_mb
    facts = {
        "trained": "not trained" if name == BASE else model.strategy,
        "loss": str(recipe.get("loss", "")).replace("_", " "),
        "spearman": f"{cells.value(spearman.value)} ({cells.ends(spearman.interval)})",
        "kept": "" if entry.kept is None else cells.ratio(entry.kept.ratio),
        "narrow": ", ".join(f"{cells.value(value)} at {width}" for width, value in entry.widths.items()),
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
