"""Two score vectors of the same pairs: changes, intervals, regressed pairs, and a verdict by the gate's own rule."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from numpy.typing import ArrayLike

from harness.analyses.uncertainty import measure_uncertainty
from harness.api.metrics import ScoreMetrics, evaluation_of, measured
from harness.api.pairs import Texts, pair_set
from harness.baselines import CATEGORY_METRICS, StoredValue
from harness.config import Gates
from harness.errors import DataError
from harness.gates import Outcome, Subject, Verdict, change_verdict, large_categories
from harness.metrics import METRICS
from harness.report.github import COMMENT_BYTES, cut_lines, markdown_text, table
from harness.statistics import Change, RegressedPair
from harness.text import aligned, count, number, signed, some

_WORST_FIRST: tuple[Outcome, ...] = ("fail", "inconclusive")
_ANSWERS: dict[Outcome, str] = {"fail": "Worse", "inconclusive": "Not proven", "pass": "No worse"}
_TITLES = ("category", "metric", "before", "after", "change", "95 % interval", "tolerance", "outcome")


@dataclass(frozen=True, repr=False)
class ScoreComparison:
    """The changes from one score vector to another, and what the gate says of each.

    Attributes:
        before: Every metric before.
        after: Every metric after.
        changes: Category -> metric -> change; all pairs stand under "".
        tolerance: Key of `METRICS` -> how much worse is noise.
        verdicts: A verdict for each value that was defined before, over all pairs and for each large enough category.
        regressed: The pairs that were right and are wrong now, worst first, each side at its own best-F1 threshold.
        fixed: The rows of the pairs that were wrong and are right now.
    """

    before: ScoreMetrics
    after: ScoreMetrics
    changes: Mapping[str, Mapping[str, Change]]
    tolerance: Mapping[str, float]
    verdicts: tuple[Verdict, ...]
    regressed: tuple[RegressedPair, ...]
    fixed: tuple[int, ...]

    @property
    def outcome(self) -> Outcome:
        """`fail` where a value is worse for sure, `inconclusive` where one may be, else `pass`."""
        found = {verdict.outcome for verdict in self.verdicts}
        return next((outcome for outcome in _WORST_FIRST if outcome in found), "pass")

    @property
    def sentence(self) -> str:
        """The answer in words."""
        by_outcome = [[v for v in self.verdicts if v.outcome == outcome] for outcome in _WORST_FIRST]
        counts = ", ".join(f"{len(found)} {outcome}" for found, outcome in zip(by_outcome, _WORST_FIRST, strict=True))
        pairs = f"{count(len(self.regressed), 'pair')} regressed, {len(self.fixed):,} fixed"
        return f"{_ANSWERS[self.outcome]}: {counts}, {len(self.verdicts) - sum(map(len, by_outcome))} pass; {pairs}."

    def __repr__(self) -> str:
        rows = [self._row(verdict) for verdict in self.verdicts]
        worst = [f"row {pair.row}" for pair in self.regressed]
        rest = [f"Regressed, worst first: {some(worst, 10)}."] if worst else []
        return "\n".join([self.sentence, "", *aligned(_TITLES, rows, right=(2, 3, 4, 6)), *rest])

    @property
    def markdown(self) -> str:
        """The comparison as a comment on a pull request."""
        cells = (list(map(markdown_text, self._row(verdict))) for verdict in self.verdicts)
        problems = [f"- {markdown_text(verdict.message)}" for verdict in self.verdicts if verdict.outcome != "pass"]
        worst = next(
            ([f"- now wrong: {markdown_text('; '.join(v.examples))}"] for v in self.verdicts if v.examples), []
        )
        lines = ["### Scores, before and after", "", f"**{self.sentence}**", "", *table(_TITLES, cells), ""]
        return cut_lines("\n".join([*lines, *problems, *worst]) + "\n", COMMENT_BYTES)

    def _row(self, verdict: Verdict) -> list[str]:
        metric, category = verdict.subject.metric, verdict.subject.category
        unit, change = METRICS[metric].unit, self.changes[category][metric]
        interval = "none" if math.isnan(change.low) else f"{signed(change.low, unit)} to {signed(change.high, unit)}"
        values = [number(verdict.reference, unit), number(verdict.observed, unit)]
        tolerance = number(self.tolerance[metric], unit)
        return [category or "all", metric, *values, signed(change.change, unit), interval, tolerance, verdict.outcome]


def compare_scores(
    before: ArrayLike,
    after: ArrayLike,
    labels: ArrayLike,
    *,
    texts: Texts | None = None,
    categories: Sequence[str] | None = None,
    pair_types: Sequence[str] | None = None,
    tolerance: Mapping[str, float] | None = None,
) -> ScoreComparison:
    """Compare two models on the same pairs by their scores alone, with the rule of the gate `metric`.

    A value fails where it is worse by more than its tolerance and the 95 % interval of the change excludes no change;
    where the interval leaves that open, it is inconclusive.

    Args:
        before: Similarity of each pair under the model that is the reference, shape `(n_pairs,)`.
        after: The same pairs' similarities under the model that is judged.
        labels: 1 for a positive pair, 0 for a negative one, shape `(n_pairs,)`.
        texts: Both texts of each pair: pairs that share a text are not independent, and their interval is wider.
        categories: Category of each pair; those with enough pairs of each label are compared on their own as well.
        pair_types: Pair type of each pair.
        tolerance: Key of `METRICS` -> how much worse is noise, in the metric's unit; by default the metric's floor, the
            least that a case has. Between two trainings a larger one is right: see `tolerance` of a case.

    Raises:
        DataError: Something has not one value a pair, or is no number; a label is not 0 or 1; no metric is defined
            before; a tolerance is of no metric, or negative.
    """
    pairs = pair_set(labels, texts=texts, categories=categories, pair_types=pair_types)
    was, now = evaluation_of("before", before, pairs), evaluation_of("after", after, pairs)
    large = tuple(name for name in large_categories(pairs, Gates().category_pairs) if name)
    found = measure_uncertainty(evaluation=now, pairs=pairs, stored=was.scores, categories=large)
    limits = _tolerances(tolerance or {})
    if all(math.isnan(result.value) for result in was.metrics.values()):
        raise DataError(f"before: nothing to compare with: {next(iter(was.metrics.values())).reason}")

    def verdict(metric: str, category: str) -> Verdict:
        subject, stored = Subject(metric=metric, category=category), was.result(metric, category).value
        value = StoredValue(value=stored, tolerance=limits[metric], direction=METRICS[metric].direction, seeds={})
        change = found.changes[category][metric]
        regressed = [pair for pair in found.regressed if texts is not None and category in ("", pair.category)]
        judged = change_verdict(subject, now.result(metric, category), value, change, regressed, pairs.pairs)
        return replace(judged, gate="category" if category else "metric", subject=subject)

    return ScoreComparison(
        before=measured(was, pairs),
        after=measured(now, pairs),
        changes=found.changes,
        tolerance=limits,
        verdicts=tuple(
            verdict(metric, category)
            for category in ("", *large)
            for metric in (CATEGORY_METRICS if category else METRICS)
            if not math.isnan(was.result(metric, category).value)
        ),
        regressed=found.regressed,
        fixed=found.fixed,
    )


def _tolerances(given: Mapping[str, float]) -> dict[str, float]:
    wrong = [name for name, value in given.items() if name not in METRICS or not value >= 0]
    if wrong:
        raise DataError(
            f"tolerance: got {wrong[0]} = {given[wrong[0]]}, expected a number from 0 for one of {', '.join(METRICS)}"
        )
    return {name: float(given.get(name, metric.floor)) for name, metric in METRICS.items()}
