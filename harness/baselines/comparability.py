"""The one answer to "can this be compared?": by what two things were made from, and by what is stored."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from harness.baselines.model import CATEGORY_METRICS, Baseline, Origin, StoredModel, StoredValue
from harness.metrics import MetricResult

_PROBLEMS = 5  # that are named


@dataclass(frozen=True)
class ComparableBaseline:
    """The stored baseline, as far as a run can be compared with it: nothing of it where `problems` say why not.

    `missing` where none is stored yet.
    """

    problems: tuple[str, ...]
    missing: bool
    _stored: Baseline | None = field(repr=False)

    def model(self, model: str) -> StoredModel | None:
        """Return a stored model; None where none is comparable."""
        return None if self._stored is None else self._stored.models.get(model)

    def retrained(self, model: str) -> StoredModel | None:
        """Return a stored model whose tolerances come from trainings; None where they do not, or none is comparable."""
        stored = self.model(model)
        return stored if stored is not None and any(value.seeds for _, _, value in stored.compared) else None

    def value(self, model: str, metric: str, category: str = "") -> StoredValue | None:
        """Return a stored value, over all pairs or those of a category; None where none is comparable."""
        stored = self.model(model)
        return None if stored is None else stored.value(metric, category)

    def result(self, model: str, metric: str) -> MetricResult:
        """Return a stored value over all pairs as if it were measured: NaN with its reason where none is comparable."""
        stored = self.value(model, metric)
        if stored is not None:
            return MetricResult(stored.value)
        return MetricResult(math.nan, "; ".join(self.problems) or f"no {metric} is stored for {model}")

    @property
    def undefined(self) -> Mapping[str, str]:
        """The metrics of which nothing is stored, since not every good model has one, and why."""
        return {} if self._stored is None else self._stored.undefined

    def scores(self, model: str) -> tuple[float, ...] | None:
        """Return the stored score of each pair under a model; None where none is comparable."""
        if self._stored is None or model not in self._stored.models:
            return None
        return tuple(row[model] for row in self._stored.scores)

    def differences(
        self, models: Collection[str], metrics: Collection[str], categories: Collection[str]
    ) -> tuple[str, ...]:
        """Return what is stored but gone, or new and not stored, in words; nothing where `problems` say it all."""
        if self._stored is None:
            return ()
        found = [*_differences("model", self._stored.models, models)]
        for model, stored in sorted(self._stored.models.items()):
            found += _differences(f"{model} metric", stored.metrics, set(metrics) - self._stored.undefined.keys())
            found += _differences(f"{model} category", stored.categories, categories)
            for category in sorted(stored.categories.keys() & categories):
                found += _differences(f"{model} {category} metric", stored.categories[category], CATEGORY_METRICS)
        return tuple(found)


def comparable(
    baseline: Baseline | None, origin: Origin, *, path: Path | None = None, contradictions: Iterable[str] = ()
) -> ComparableBaseline:
    """Return what can be compared of a baseline with values made from `origin`.

    Args:
        baseline: None where nothing is stored.
        origin: Evaluation pairs and base of the values.
        path: Where it was looked for, for the message.
        contradictions: What is wrong in it; looked at where it was made from the same pairs and base.
    """
    if baseline is None:
        place = "" if path is None else f" at {path}"
        problem = f"no baseline yet{place}: look at the report, then run with --update-baselines"
        return ComparableBaseline((problem,), missing=True, _stored=None)
    problems = origin_problems(baseline.origin, origin) or _first(contradictions)
    return ComparableBaseline(problems, missing=False, _stored=None if problems else baseline)


def origin_problems(was: Origin, now: Origin, *, names: tuple[str, str] = ("stored", "now")) -> tuple[str, ...]:
    """Return why the values of two runs cannot be compared, in words with the `names` of both; empty where they can.

    The name of the base is no reason: a mirror holds the same files.
    """
    first, second = names
    problems = []
    if was.eval_sha256 != now.eval_sha256:
        problems.append(
            f"the evaluation pairs are others: {first} {was.eval_pairs} pairs with sha256 {was.eval_sha256[:12]}, "
            f"{second} {now.eval_pairs} with {now.eval_sha256[:12]}"
        )
    if was.base_digest != now.base_digest:
        problems.append(
            f"the base is another: {first} {was.base_name} with digest {was.base_digest[:12]}, "
            f"{second} {now.base_name} with {now.base_digest[:12]}"
        )
    return tuple(problems)


def _first(problems: Iterable[str]) -> tuple[str, ...]:
    found = tuple(islice(problems, _PROBLEMS + 1))
    return found if len(found) <= _PROBLEMS else (*found[:-1], "and more")


def _differences(what: str, stored: Collection[str], now: Collection[str]) -> Iterator[str]:
    yield from (f"{what} {name} is stored, but gone now" for name in sorted(set(stored) - set(now)))
    yield from (f"{what} {name} is new, nothing is stored for it" for name in sorted(set(now) - set(stored)))
