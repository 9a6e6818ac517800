"""A recommendation from the measured strategies of a case and what it has to keep to."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.config import BASE
from harness.gates import RANKING
from harness.results import CaseResults, ModelEntry, StrategyEntry
from harness.text import number, percent


@dataclass(frozen=True)
class Constraints:
    """Limits on a strategy; None for no limit.

    Attributes:
        keeps: Least part of the base's value on the general pairs; None for the one that the case states.
        dimensions: Number of dimensions that embeddings are served at.
        ships_mb: Greatest file to ship, in MB (10^6 bytes).
        train_mb: Greatest peak memory of the training, in MB.
    """

    keeps: float | None = None
    dimensions: int | None = None
    ships_mb: float | None = None
    train_mb: float | None = None


@dataclass(frozen=True)
class Advice:
    """A recommendation.

    Attributes:
        model: What to take; empty where nothing is better than the base.
        reason: Why, with the numbers that decided.
        left_out: Model -> why it was left out.
        quality: Model -> nDCG@10, at the dimensions that were asked for.
    """

    model: str
    reason: str
    left_out: Mapping[str, str]
    quality: Mapping[str, float]


def advise(case: CaseResults, constraints: Constraints = Constraints()) -> Advice:
    """Recommend the cheapest to ship of the strategies that are as good as the best.

    Those that break a constraint are left out. The best is the one with the greatest nDCG@10 at the dimensions; as good
    are those that reach the lower end of its 95 % interval. A width that was not measured leaves everything out.
    """
    entries = {model: entry for model, entry in case.strategies.items() if model in case.models}
    quality = {model: _quality(entry, constraints.dimensions) for model, entry in entries.items()}
    reasons = {
        model: "; ".join(_broken(case.models[model], entry, quality[model], quality.get(BASE, math.nan), constraints))
        for model, entry in entries.items()
        if model != BASE
    }
    left_out = {model: reason for model, reason in reasons.items() if reason}
    left = [model for model, reason in reasons.items() if not reason]
    if not left:
        return Advice("", "no strategy is better than the base and keeps to the constraints", left_out, quality)
    best = max(left, key=lambda model: quality[model])
    interval = case.strategies[best].metrics[RANKING].interval
    # At fewer dimensions the interval has about the width that it has at all of them.
    below = 0.0 if interval is None else case.strategies[best].metrics[RANKING].value - interval.low
    alike = [model for model in left if quality[model] >= quality[best] - below]
    chosen = min(alike, key=lambda model: (_ships(case.models[model]), -quality[model]))
    at = f" at {constraints.dimensions} dimensions" if constraints.dimensions else ""
    reason = f"{RANKING}{at} {number(quality[chosen])}, the base {number(quality.get(BASE, math.nan))}"
    if chosen != best:
        reason += f"; {best} has {number(quality[best])}, which is within its interval, and ships more"
    return Advice(chosen, f"{reason}; {_ships(case.models[chosen]):,.1f} MB to ship", left_out, quality)


def _quality(entry: StrategyEntry, dimensions: int | None) -> float:
    return entry.metrics[RANKING].value if dimensions is None else entry.widths.get(str(dimensions), math.nan)


def _broken(
    model: ModelEntry, entry: StrategyEntry, quality: float, base: float, constraints: Constraints
) -> Iterator[str]:
    if math.isnan(quality):
        widths = ", ".join(entry.widths) or "none"
        yield f"not measured at {constraints.dimensions} dimensions ([gates.truncation] widths: {widths})"
    elif not quality > base:
        yield f"{RANKING} {number(quality)} is not better than the base's {number(base)}"
    least = entry.keeps_at_least if constraints.keeps is None else constraints.keeps
    if entry.kept is not None and not entry.kept.ratio >= least:
        yield f"keeps {percent(entry.kept.ratio)} of the general pairs, expected {percent(least)}"
    if constraints.ships_mb is not None and _ships(model) > constraints.ships_mb:
        yield f"ships {_ships(model):,.1f} MB, at most {constraints.ships_mb:g}"
    cost = model.costs.get("train")
    peak = math.nan if cost is None or cost.peak_rss_mb is None else cost.peak_rss_mb
    if constraints.train_mb is not None and not peak <= constraints.train_mb:
        yield f"its training took {peak:,.0f} MB, at most {constraints.train_mb:g}"


def _ships(model: ModelEntry) -> float:
    return math.inf if model.encoding.weights_mb is None else model.encoding.weights_mb
