"""The models beside each other as strategies: what each is worth, what it forgot, and what it costs."""

from typing import Any

from harness.config import BASE
from harness.metrics import METRICS
from harness.report import cells
from harness.report.advice import advise
from harness.report.types import Report
from harness.results import ModelEntry, StrategyEntry

Cell = tuple[str, str]
"""Words of a cell, and what stands small below them."""


def strategies(report: Report) -> dict[str, Any]:
    """Return a row for each model, with a cell for each property; empty where the case searches no documents."""
    found = report.case.strategies
    names = [name for name in report.models if name in found]
    if not names:
        return {}
    advice = advise(report.case)
    rows = {name: _properties(name, report.models[name], found[name]) for name in names}
    return {
        "advice": f"{advice.model or 'The base'}: {advice.reason}.",
        "titles": list(rows[names[0]]),
        "rows": [(cells.model(report, name), list(row.values())) for name, row in rows.items()],
    }


def _properties(name: str, model: ModelEntry, entry: StrategyEntry) -> dict[str, Cell]:
    trained, cost, spearman = model.training, model.costs.get("train"), model.metrics["spearman"]
    peak = None if cost is None else cost.peak_rss_mb
    return {
        "Trained": ("not trained" if name == BASE else model.strategy, _loss(model.recipe)),
        **{
            metric: (cells.value(of.value), f"{cells.ends(of.interval)}" if of.interval else "")
            for metric, of in entry.metrics.items()
        },
        "First hit": ("", "")
        if entry.change is None
        else (f"{len(entry.change.won):,} won", f"{len(entry.change.lost):,} lost"),
        METRICS["spearman"].title: (cells.value(spearman.value), cells.ends(spearman.interval)),
        "General pairs": ("", "")
        if entry.kept is None
        else (cells.ratio(entry.kept.ratio), cells.ratio_ends(entry.kept.interval)),
        "Fewer dimensions": (
            ", ".join(cells.value(value) for value in entry.widths.values()),
            f"at {', '.join(entry.widths)}" if entry.widths else "",
        ),
        "Ships": (
            "" if model.encoding.weights_mb is None else f"{model.encoding.weights_mb:,.1f} MB",
            f"{trained.parameters.trainable:,} trained" if trained else "",
        ),
        "Training": (f"{trained.seconds:,.0f} s" if trained else "", "" if peak is None else f"{peak:,.0f} MB"),
    }


def _loss(recipe: dict[str, Any]) -> str:
    also = {
        "hard negatives": bool(recipe.get("negatives")),
        "Matryoshka": bool(recipe.get("matryoshka")),
        f"teacher {recipe.get('teacher')}": bool(recipe.get("teacher")),
    }
    loss = str(recipe.get("loss", "")).replace("_", " ")
    return ", ".join(filter(None, (loss, *(word for word, there in also.items() if there))))
