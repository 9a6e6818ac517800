"""A check of a model on new data: drift of the texts, metrics on the new pairs, and the age of the baseline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from harness.analyses import EVALUATE, UNCERTAINTY
from harness.baselines import Baseline, read_baseline, score_intervals
from harness.config import BASE, Case
from harness.data import PairSet, fold
from harness.data.index import texts_in
from harness.errors import BaselineError, CaseError, DataError
from harness.metrics import METRICS
from harness.models import Embeddings
from harness.results.watch import Answer, WatchCheck, WatchValue
from harness.run.case_run import CaseRun
from harness.run.environment import changed_at
from harness.run.index_audit import sample_rows
from harness.statistics import DRIFT_LEVEL, SEED, difference_interval, embedding_drift, regression
from harness.text import count, number, signed, some

SAMPLE = 1000
"""Texts of each side that drift is looked for in; of more, a random sample."""

WATCHED = tuple(name for name, metric in METRICS.items() if metric.by_group)
"""The metrics that can be compared between pairs: neither their number nor the share of positives moves them."""

_ANSWERS: tuple[Answer, ...] = ("fine", "look", "retrain")


@dataclass(frozen=True)
class NewData:
    """Data that came in since the baseline was stored: labelled pairs, texts, or both."""

    pairs: PairSet | None
    texts: Sequence[str]


@dataclass(frozen=True)
class _Found:
    """The values of a check, and what each says."""

    values: list[WatchValue] = field(default_factory=list)
    said: list[tuple[Answer, str]] = field(default_factory=list)

    def say(self, answer: Answer, words: str) -> None:
        """Add a reason for an answer."""
        self.said.append((answer, words))

    def check(self, model: str) -> WatchCheck:
        """Return the check: the gravest answer, with every reason to look; where there is none, what is fine."""
        answer = max((answer for answer, _ in self.said), key=_ANSWERS.index)
        why = "; ".join(words for kind, words in self.said if (kind == "fine") == (answer == "fine"))
        return WatchCheck(datetime.now(UTC).isoformat(timespec="seconds"), model, answer, why, tuple(self.values))


def read_new(case: Case, pairs: Path | None, texts: Path | None, text_column: str | None = None) -> NewData:
    """Read new data: pairs as the case's evaluation pairs are read, texts as those of an index.

    Raises:
        DataError: A file cannot be read or is empty, or the pairs are all of one label.
    """
    found = None if pairs is None else case.read_pairs("eval", pairs)
    if found is not None and len(labels := set(found.labels.tolist())) < 2:
        raise DataError(
            f"{pairs}: all {count(len(found), 'pair')} have label {labels.pop()}; expected pairs of both labels"
        )
    members = [] if texts is None else [text for text in texts_in(texts, text_column) if text.strip()]
    if texts is not None and not members:
        raise DataError(f"{texts}: no text in it; expected one a line, or a table with a column of texts")
    return NewData(found, members)


def stored_model(run: CaseRun, path: Path, model: str | None) -> tuple[Baseline, str]:
    """Read the baseline, and find the model to watch in it: by default the first that is not the base.

    Raises:
        BaselineError: None is stored.
        CaseError: The case or its baseline has no such model.
    """
    baseline = read_baseline(path)
    if baseline is None:
        raise BaselineError("; ".join(run.stored.problems))
    models = [name for name in run.inputs.models if name in baseline.models]
    if not models or model not in (None, *models):
        raise CaseError(f"--model {model}: expected a model of the case and its baseline: {some(models, len(models))}")
    return baseline, model or next((name for name in models if name != BASE), BASE)


def watch(run: CaseRun, baseline: Baseline, path: Path, model: str, new: NewData, *, max_age: float) -> WatchCheck:
    """Check a model on new data.

    Args:
        run: The case's run.
        baseline: What is stored.
        path: Its file.
        model: A model of both.
        new: The new data.
        max_age: Days after which the baseline is stale.
    """
    sides, found = run.inputs.sides_of(model), _Found()
    # A text alone is encoded as the first of a pair, and held against the first texts of the evaluation pairs.
    known = _sampled(sides.texts(run.inputs.eval)[0])
    drawn = _sampled([*new.texts, *(sides.texts(new.pairs)[0] if new.pairs else ())])
    rest = ((),) * (len(sides.distinct) - 1)
    texts: dict[str, Sequence[Sequence[str]]] = {"known": (known, *rest), "new": (drawn, *rest)}
    if new.pairs is not None:
        texts["pairs"] = sides.texts(new.pairs)
    embeddings = Embeddings(run.encode(model, texts))
    if new.pairs is not None:
        _metrics(found, run, baseline, model, new.pairs, embeddings)
    _drift(found, embeddings)
    _stale(found, run, baseline, path, model, max_age)
    return found.check(model)


def _sampled(texts: Iterable[str]) -> tuple[str, ...]:
    """Return distinct texts, at most `SAMPLE`: the same words again are no further text."""
    distinct = list({fold(text): text for text in texts}.values())
    return tuple(distinct[row] for row in sample_rows(len(distinct), SAMPLE, SEED))


def _drift(found: _Found, embeddings: Embeddings) -> None:
    new = embeddings.arrays["new"]
    drift = embedding_drift(embeddings.arrays["known"], new, seed=SEED)
    found.values.append(WatchValue("drift_auc", drift.auc, p_value=drift.auc_p, reason=drift.reason))
    found.values.append(WatchValue("drift_mmd", drift.mmd, p_value=drift.mmd_p, reason=drift.reason))
    if drift.reason:
        found.say("look", f"drift cannot be told: {drift.reason}")
        return
    numbers = f"AUC {number(drift.auc)}, p {number(drift.auc_p)}; MMD² {number(drift.mmd)}, p {number(drift.mmd_p)}"
    of = f"{count(len(new), 'new text')} ({numbers}; drift from p {DRIFT_LEVEL / 2:g} down)"
    found.say(*(("look", f"drift in {of}") if drift.found else ("fine", f"no drift in {of}")))


def _metrics(
    found: _Found, run: CaseRun, baseline: Baseline, model: str, pairs: PairSet, embeddings: Embeddings
) -> None:
    """Hold the metrics on new pairs against the stored ones, of which the pairs are others."""
    scored: dict[str, Any] = {"texts": "pairs", "pairs": pairs, "sides": run.inputs.sides_of(model), "without": ()}
    evaluation = run.ctx.run(EVALUATE, embeddings=embeddings, **scored)
    now = run.ctx.run(UNCERTAINTY, evaluation=evaluation, pairs=pairs, stored=None, categories=()).intervals
    comparable = not run.stored.problems
    scores = np.array([row[model] for row in baseline.scores])
    stored = score_intervals(scores, run.inputs.eval, ("",))[""] if comparable else {}
    held, least = [], run.inputs.case.gates.category_pairs
    fewest = min(np.bincount(pairs.labels, minlength=2).tolist())
    if fewest < least:
        found.say("look", f"too few labels to tell: {count(fewest, 'pair')} of a label, expected at least {least}")
    train = run.inputs.train
    if train is not None and (shared := pairs.shared_with(train)):
        found.say("look", f"{shared} of the new pairs are training pairs, on which the model is better than it is")
    for name in WATCHED:
        result, interval, before = evaluation.metrics[name], now[name], baseline.models[model].metrics.get(name)
        reason = result.reason or interval.reason
        value = WatchValue(name, result.value, interval.low, interval.high, reason=reason)
        if not comparable or before is None:
            found.values.append(value)
            continue
        found.values.append(replace(value, stored=before.value, limit=before.limit))
        if fewest < least:
            continue
        change = difference_interval(result.value, interval, before.value, stored[name])
        rule = regression(before.deterioration(result.value), before.limit, change.low, change.high)
        words = (
            f"{model} {name} {number(result.value)} on {count(len(pairs), 'new pair')}, stored {number(before.value)} "
            f"(difference {signed(result.value - before.value)}, 95 % interval {signed(change.low)} to "
            f"{signed(change.high)}), tolerance {number(before.tolerance)}"
        )
        if math.isnan(change.low):
            found.say("look", f"too few labels to tell {model} {name}: {reason or change.reason}")
        elif rule.proven:
            found.say("retrain", f"worse: {words}")
        elif rule.worse:
            found.say("look", f"too few labels to tell if worse: {words}")
        else:
            held.append(f"{name} {number(result.value)}")
    if held:
        found.say("fine", f"{model} {', '.join(held)} hold on {count(len(pairs), 'new pair')}")


def _stale(found: _Found, run: CaseRun, baseline: Baseline, path: Path, model: str, max_age: float) -> None:
    written = changed_at(path)
    age = math.nan if written is None else (datetime.now(UTC) - written).total_seconds() / 86400
    reason = "" if written else "a shallow clone does not know when it was stored; clone with fetch-depth: 0"
    found.values.append(WatchValue("age_days", age, reason=reason))
    problems = [f"the baseline's age is unknown: {reason}"] if reason else []
    if age > max_age:
        problems.append(f"the baseline is {age:,.0f} days old, expected at most {max_age:g}")
    moved = [
        f"{name} {_installed(name) or 'is not installed'}, stored {then}"
        for name, then in dict(_libraries(baseline.models[model].provenance)).items()
        if _installed(name) != then
    ]
    problems += [f"stored with other versions: {some(moved)}"] if moved else []
    problems += [f"nothing is compared: {words}" for words in run.stored.problems]
    for words in problems:
        found.say("look", words)
    if not problems:
        found.say("fine", f"the baseline is {age:,.0f} days old")


def _libraries(provenance: object) -> Iterator[tuple[str, Any]]:
    """Yield each library that a baseline names with its version, in whichever part of the provenance."""
    for key, value in provenance.items() if isinstance(provenance, Mapping) else ():
        yield from value.items() if key == "libraries" and isinstance(value, Mapping) else _libraries(value)


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
