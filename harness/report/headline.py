"""A case's answer: may it ship, and the main cause in plain words. The page, GitHub and the terminal all ask here."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.config import BASE
from harness.gates import GATES, Outcome, Verdict
from harness.metrics import METRICS
from harness.results import CandidateEntry, CaseResults
from harness.text import count, cut, listed, number, percent, sentence, some

_LONGEST_REASON = 400  # characters of a reason
_NAMED = 4  # failures that are named after the first
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")  # in the path of an artefact
_KINDS = {"lora": "the adapter", "full": "the whole model"}
_SHIP: dict[Outcome, str] = {"pass": "yes", "fail": "no", "inconclusive": "not proven"}


@dataclass(frozen=True)
class Headline:
    """A case's answer.

    Attributes:
        outcome: `pass` may ship, `fail` may not, `inconclusive` is not proven.
        cause: The one main cause, in a sentence.
        detail: What else there is to say, in sentences; may be empty.
    """

    outcome: Outcome
    cause: str
    detail: str = ""

    @property
    def answer(self) -> str:
        """The answer in words: `may ship: no`."""
        return f"may ship: {_SHIP[self.outcome]}"

    @property
    def sentence(self) -> str:
        """Cause and details."""
        return f"{self.cause} {self.detail}".strip()


def headline(case: CaseResults) -> Headline:
    """Return a case's answer: the first cause that blocks it, or how good it is.

    Where pairs leak and the values depend on them, that is the cause: it decides what all the rest is worth.
    """
    found, leakage = _answer(case), _leakage(case)
    found = replace(found, detail=" ".join(filter(None, (found.detail, _cannot_fail(case), _failed_parts(case)))))
    return Headline(found.outcome, leakage, found.sentence) if leakage else found


def of_outcome(case: CaseResults, outcome: Outcome) -> list[Verdict]:
    """Return the verdicts of one outcome, causes before their consequences."""
    return [verdict for verdict in case.verdicts if verdict.outcome == outcome]


def candidate_words(candidate: CandidateEntry) -> str:
    """Say what a run with `-m gate` is about."""
    kind, digest = _KINDS.get(candidate.strategy, candidate.strategy), candidate.sha256[:12]
    return f"{kind} {candidate.path} (sha256 {digest}), in the place of {candidate.model}"


def counts_words(case: CaseResults) -> str:
    """Say how many gates of the run have which outcome, and how many have none."""
    judged = Counter(verdict.outcome for verdict in case.verdicts)
    words = {"pass": judged["pass"], "fail": judged["fail"], "inconclusive": judged["inconclusive"]}
    words["not judged"] = len(case.skipped)
    words["did not run"] = max(0, case.expected - len(case.verdicts) - len(case.skipped))
    parts = [f"{amount:,} {word}" for word, amount in words.items() if amount]
    every = max(case.expected, len(case.verdicts) + len(case.skipped))
    if not judged and not case.skipped:
        return f"none of {count(every, 'gate')} ran"
    if judged["pass"] == every:
        return f"{count(every, 'gate')}, all pass"
    return f"{count(every, 'gate')}: {', '.join(parts)}"


def _answer(case: CaseResults) -> Headline:
    failed, unsure = of_outcome(case, "fail"), of_outcome(case, "inconclusive")
    judged = len(case.verdicts) + len(case.skipped)
    # Someone chose among the gates, or stopped the run: no error says why some are missing.
    partial = not case.error and not case.missing and judged < case.expected
    ran = f"Only {len(case.verdicts)} of {case.expected} gates ran"
    first = f"{ran}." if partial else ""
    if case.error:
        return Headline("fail", sentence(cut(" ".join(case.error.split()), _LONGEST_REASON)[0]))
    blocking = [*failed, *unsure] if case.strict else failed
    # A candidate that fails its verification is not measured for that very reason.
    refused = case.candidate is not None and bool(failed) and GATES[failed[0].gate].verifies
    causes = [*([] if refused else _missing(case)), *([_plain(case, blocking[0])] if blocking else [])]
    if causes:
        strictly = (
            "Under --strict-verdicts, what is inconclusive counts as a failure." if case.strict and unsure else ""
        )
        more = [*map(sentence, causes[1:]), _also(blocking[1:]), strictly, first]
        return Headline("fail", sentence(causes[0]), " ".join(filter(None, more)))
    if unsure:
        return Headline(
            "inconclusive",
            sentence(f"Nothing fails, but not all is certain: {_plain(case, unsure[0])}"),
            " ".join(filter(None, (_also(unsure[1:]), first))),
        )
    if not case.verdicts:
        return Headline("inconclusive", "No gate ran.")
    if judged < case.expected:
        return Headline("inconclusive", f"{ran}, and none of them fails.")
    more = list(map(sentence, [*_relative(case), *_improved(case)]))
    return Headline("pass", sentence(_why_good(case)), " ".join(more))


def _why_good(case: CaseResults) -> str:
    if case.updated:
        return "Baseline stored now: the gates that need none pass, and later runs are compared with these values"
    compared = any(verdict.gate == "metric" for verdict in case.verdicts)
    return "Nothing is worse than stored" if compared else "No gate fails"


def _plain(case: CaseResults, verdict: Verdict) -> str:
    """Return a cause in plain words; the gate's own message where there are none."""
    words = (worded(case, verdict) for worded in _WORDS.get(verdict.gate, ()))
    return next(filter(None, words), verdict.message)


def _worse_than_base(case: CaseResults, verdict: Verdict) -> str:
    model, metric = verdict.subject.model, verdict.subject.metric
    now, base = (case.models[name].metrics[metric].value if name in case.models else math.nan for name in (model, BASE))
    if not (now < base if METRICS[metric].direction == "higher" else now > base):
        return ""
    title, unit = METRICS[metric].title, METRICS[metric].unit
    return f"{model} is worse than the untrained base: {title} {number(now, unit)}, base {number(base, unit)}"


def _below_reference(_: CaseResults, verdict: Verdict) -> str:
    about, title = verdict.subject, METRICS[verdict.subject.metric].title
    if math.isnan(verdict.observed):
        return ""
    reached, least = percent(verdict.observed), percent(verdict.reference)
    if reached == least:
        reached = percent(verdict.observed, 1)
    return f"{about.model} reaches {reached} of the {title} of {about.reference}, expected at least {least}"


def _worse_than_stored(_: CaseResults, verdict: Verdict) -> str:
    about, unit = verdict.subject, METRICS[verdict.subject.metric].unit
    if math.isnan(verdict.observed) or about.model == BASE:
        return ""
    where = f" on {about.category}" if about.category else ""
    now, stored = number(verdict.observed, unit), number(verdict.reference, unit)
    verb = "is" if verdict.outcome == "fail" else "may be"
    return f"{about.model} {verb} worse than its baseline{where}: {METRICS[about.metric].title} {now}, stored {stored}"


_WORDS: dict[str, tuple[Callable[[CaseResults, Verdict], str], ...]] = {
    "relative_performance": (_worse_than_base, _below_reference),
    "beats_base": (_worse_than_base,),
    "metric": (_worse_than_stored,),
    "category": (_worse_than_stored,),
}
"""Gate -> its causes in plain words, the first that applies: what weighs most comes first."""


def _missing(case: CaseResults) -> list[str]:
    """Name the models that could not be measured, each reason once."""
    by_reason: dict[str, list[str]] = {}
    for model, reason in case.missing.items():
        shown = cut(_DIGEST.sub("\\1…", " ".join(reason.split())), _LONGEST_REASON)[0]
        by_reason.setdefault(shown, []).append(model)
    words = [f"{listed(models)} not measured" + (f": {why}" if why else "") for why, models in by_reason.items()]
    return ["; ".join(words)] if words else []


def _cannot_fail(case: CaseResults) -> str:
    found = case.cannot_fail
    if not found:
        return ""
    reason = "the tolerance is too wide, or no value could be stored"
    return f"{count(len(found), 'comparison')} that no model can fail ({reason}): {some(found, _NAMED)}."


def _failed_parts(case: CaseResults) -> str:
    if not case.failed_parts:
        return ""
    return f"Missing in this report, each with its reason below: {some(list(case.failed_parts), _NAMED)}."


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


def _also(verdicts: Sequence[Verdict]) -> str:
    """Name some of the other verdicts, and count the rest."""
    names = list(dict.fromkeys(map(_name, verdicts)))
    shown = names[:_NAMED] + ([f"{len(names) - _NAMED} more"] if len(names) > _NAMED else [])
    return f"Also {listed(shown)}." if shown else ""


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
