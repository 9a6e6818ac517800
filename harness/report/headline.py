"""A case's answer: what blocks it, or how good it is."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.config import BASE
from harness.gates import GATES, Outcome, Verdict
from harness.metrics import METRICS
from harness.results import CandidateEntry, CaseResults
from harness.text import count, cut, listed, number, percent, sentence

_LONGEST_REASON = 400  # characters of a reason
_NAMED = 4  # failures that are named after the first
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")  # in the path of an artefact
_KINDS = {"lora": "the adapter", "full": "the whole model"}


class Headline(NamedTuple):
    """A case's answer, and the sentence that says why."""

    outcome: Outcome
    sentence: str


def headline(case: CaseResults) -> Headline:
    """Return a case's answer: the first cause that blocks it, or how good it is.

    Where pairs leak and the values depend on them, that is said before: it decides what all the rest is worth.
    """
    outcome, words = _answer(case)
    return Headline(outcome, " ".join(filter(None, (_leakage(case), words))))


def of_outcome(case: CaseResults, outcome: Outcome) -> list[Verdict]:
    """Return the verdicts of one outcome, causes before their consequences."""
    return [verdict for verdict in case.verdicts if verdict.outcome == outcome]


def candidate_words(candidate: CandidateEntry) -> str:
    """Say what a run with `-m gate` is about."""
    kind, digest = _KINDS.get(candidate.strategy, candidate.strategy), candidate.sha256[:12]
    return f"{kind} {candidate.path} (sha256 {digest}), in the place of {candidate.model}"


def _answer(case: CaseResults) -> Headline:
    failed, unsure = of_outcome(case, "fail"), of_outcome(case, "inconclusive")
    judged = len(case.verdicts) + len(case.skipped)
    # Someone chose among the gates, or stopped the run: no error says why some are missing.
    partial = not case.error and not case.missing and judged < case.expected
    ran = f"Only {len(case.verdicts)} of {case.expected} gates ran"
    first = f"{ran}. " if partial else ""
    if case.error:
        return Headline("fail", sentence("Blocked: " + cut(" ".join(case.error.split()), _LONGEST_REASON)[0]))
    blocking = [*failed, *unsure] if case.strict else failed
    # A candidate that fails its verification is not measured for that very reason.
    refused = case.candidate is not None and bool(failed) and GATES[failed[0].gate].verifies
    missing = "" if refused else _missing(case)
    if blocking or missing:
        words = sentence(f"{first}Blocked: {'; '.join(filter(None, (missing, _named(blocking))))}")
        strictly = " Under --strict-verdicts, what is inconclusive counts as a failure."
        return Headline("fail", words + (strictly if case.strict and unsure else ""))
    if unsure:
        return Headline("inconclusive", sentence(f"{first}Nothing fails, but not all is certain: {_named(unsure)}"))
    if not case.verdicts:
        return Headline("inconclusive", "No gate ran.")
    if judged < case.expected:
        return Headline("inconclusive", f"{ran}, and none of them fails.")
    compared = any(verdict.gate == "metric" for verdict in case.verdicts)
    words = "Nothing is worse than stored" if compared else "No gate fails"
    if case.candidate is not None:
        words = f"May ship in the place of {case.candidate.model}: {words[0].lower()}{words[1:]}"
    return Headline("pass", sentence("; ".join([words, *_relative(case), *_improved(case)])))


def _missing(case: CaseResults) -> str:
    """Name the models that could not be measured, each reason once."""
    by_reason: dict[str, list[str]] = {}
    for model, reason in case.missing.items():
        shown = cut(_DIGEST.sub("\\1…", " ".join(reason.split())), _LONGEST_REASON)[0]
        by_reason.setdefault(shown, []).append(model)
    return "; ".join(
        f"{listed(models)} not measured" + (f": {reason}" if reason else "") for reason, models in by_reason.items()
    )


def _relative(case: CaseResults) -> Iterator[str]:
    for entry in case.relative_performance:
        if entry.outcome == "pass":
            ratio, title = percent(entry.value.ratio), METRICS[entry.metric].title
            yield f"{title} of {entry.model} is {ratio} of that of {entry.reference}"


def _improved(case: CaseResults) -> Iterator[str]:
    improved = sum(verdict.improved for verdict in case.verdicts)
    if improved:
        are, their = ("is", "its") if improved == 1 else ("are", "their")
        # The values of a candidate cannot be stored.
        hint = ": consider --update-baselines" if case.candidate is None else ""
        yield f"{count(improved, 'value')} {are} better than stored by more than {their} tolerance{hint}"


def _named(verdicts: Sequence[Verdict]) -> str:
    """Say the first verdict in full, some more by name, and the rest as a number."""
    if not verdicts:
        return ""
    first, *others = verdicts
    names = list(dict.fromkeys(map(_name, others)))
    shown = names[:_NAMED] + ([f"{len(names) - _NAMED} more"] if len(names) > _NAMED else [])
    return first.message + (f"; also {listed(shown)}" if shown else "")


def _name(verdict: Verdict) -> str:
    about = verdict.subject
    rest = () if about.metric else (verdict.gate, about.check, about.texts, about.stage, about.batch)
    return " ".join(filter(None, (about.model, about.category, about.metric, *rest)))


def _leakage(case: CaseResults) -> str:
    """Say what leaked pairs do to the values, where it is more than noise; else nothing.

    Named is the value of a trained model that moves most, counted in tolerances. The base was trained on no pair here:
    what moves it is that fewer pairs are left.
    """
    moved = [
        (abs(without - entry.value) / entry.tolerance if entry.tolerance else math.inf, name, metric)
        for name, model in case.models.items()
        if name != BASE
        for metric, without in model.without_leakage.items()
        for entry in [model.metrics[metric]]
        if METRICS[metric].unit != "pairs"  # fewer pairs, fewer errors
        and not math.isnan(entry.value)
        and (math.isnan(without) or abs(without - entry.value) > entry.tolerance)
    ]
    if not moved or case.audit is None:
        return ""
    # A value that is undefined without them moved most of all; the first of equals, in the order of the case.
    _, name, metric = max(moved, key=lambda item: math.inf if math.isnan(item[0]) else item[0])
    model, unit = case.models[name], METRICS[metric].unit
    return (
        f"The evaluation set leaks: {case.audit.leaked:,} of {case.pairs:,} pairs are in the training data, exactly or "
        f"nearly; without them {name} {metric} is {number(model.without_leakage[metric], unit)} instead of "
        f"{number(model.metrics[metric].value, unit)}."
    )
