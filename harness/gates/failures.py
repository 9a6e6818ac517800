"""Gates on what goes wrong in a training and no metric of its own shows.

A loss that does not fall, too long a training, a recipe whose seeds decide, embeddings that collapse, a rank that holds
an adapter back, and knowledge of other texts that is lost.
"""

import math
import statistics

from harness.config import BASE
from harness.gates.training import bound_words, interval_words
from harness.gates.types import Evidence, NotJudgedError, Outcome, Subject, Verdict, outcome_of
from harness.metrics import METRICS
from harness.metrics.spread import effective_rank, mean_pairwise_cosine
from harness.statistics import RelativePerformance, least_deviation
from harness.text import number, percent

RANKING = "nDCG@10"
"""The retrieval metric that is judged."""

STANDARD_ERRORS = 2.0
"""So many standard errors of a correlation are noise."""


def loss_falls(run: Evidence, subject: Subject) -> Verdict:
    """Judge that the training loss stayed finite, and was less in the last epoch than in the first."""
    losses = [point.loss for point in run.curve(subject.model)]
    first, last = losses[0], losses[-1]
    diverged = not all(map(math.isfinite, losses))
    passed = not diverged and (len(losses) == 1 or last < first)
    end = "it diverged: not a number" if diverged else "it falls" if passed else "it does not fall"
    if passed and len(losses) == 1:
        end = "finite; one epoch shows no course"
    message = f"{subject.model} mean training loss {first:.4g} in the first epoch, {last:.4g} in the last: {end}"
    return Verdict(outcome=outcome_of(passed), observed=last, reference=first, message=message)


def not_trained_too_long(run: Evidence, subject: Subject) -> Verdict:
    """Judge that the dev pairs are no worse after the last epoch than after the best one, beyond their own noise.

    Noise is two standard errors of a rank correlation of so many pairs, which is more than that of the difference: the
    two are of the same pairs.
    """
    curve, limit = run.curve(subject.model), run.inputs.case.gates.overtraining
    correlations = [point.spearman for point in curve]
    last, pairs = correlations[-1], 0 if run.inputs.dev is None else len(run.inputs.dev)
    best = max((value for value in correlations if not math.isnan(value)), default=math.nan)
    drop, noise = best - last, STANDARD_ERRORS * (1 - best**2) / math.sqrt(max(pairs - 1, 1))
    outcome: Outcome
    if math.isnan(drop):
        outcome, end = "fail", "undefined"
    elif drop <= limit:
        outcome, end = "pass", "it had not begun to get worse"
    else:
        at = 1 + correlations.index(best)
        outcome = "fail" if drop > max(limit, noise) else "inconclusive"
        noisy = "" if outcome == "fail" else f"; with {pairs} pairs up to {noise:.3f} is noise"
        end = f"expected at most {limit}: stop after epoch {at}{noisy}"
        if outcome == "fail" and curve[-1].loss < curve[at - 1].loss:
            end += " (the loss still fell: it learned the training pairs by heart)"
    values = f"dev spearman {best:.4f} at best, {last:.4f} after the last epoch"
    message = f"{subject.model} {values}: {drop:.4f} less, {end}"
    return Verdict(outcome=outcome, observed=drop, reference=limit, message=message)


def stable_over_seeds(run: Evidence, subject: Subject) -> Verdict:
    """Judge that the stored trainings of a recipe, which differ in their seed, differ little beside what they gained.

    By their standard deviation in the first metric of `beats_base`, over the mean gain on the base. The tolerances are
    several deviations: where one is a tenth of the gain, a model could lose half of it unnoticed. It fails where the
    deviation exceeds the limit with a confidence of 95 %; of three seeds that is seldom proven.
    """
    model, gates = subject.model, run.inputs.case.gates
    metric, limit = gates.beats_base[0], gates.seed_spread
    stored, base = run.stored.value(model, metric), run.stored.value(BASE, metric)
    if stored is None or base is None or len(stored.seeds) < 2:
        raise NotJudgedError("baseline", f"no trainings of {model} are stored that can be compared")
    values = list(stored.seeds.values())
    gain, spread = -base.deterioration(statistics.mean(values)), statistics.stdev(values)
    ratio, unit = spread / gain if gain > 0 else math.inf, METRICS[metric].unit
    outcome: Outcome
    if gain <= 0:
        outcome, end = "fail", "on average no gain"
    elif ratio <= limit:
        outcome, end = "pass", "stable"
    else:
        outcome = "fail" if least_deviation(values) > limit * gain else "inconclusive"
        end = "another seed may give another model" if outcome == "fail" else "more seeds can tell"
    message = (
        f"{model} {metric} {number(min(values), unit)} to {number(max(values), unit)} over {len(values)} seeds, base "
        f"{number(base.value, unit)}: deviation {percent(ratio)} of the gain, expected at most {percent(limit)}: {end}"
    )
    return Verdict(outcome=outcome, observed=ratio, reference=limit, message=message)


def not_collapsed(run: Evidence, subject: Subject) -> Verdict:
    """Judge that the embeddings of the evaluation texts still differ, by their mean cosine.

    Their effective rank is said beside it and judges nothing: a model that tells two kinds of texts apart, and no more,
    needs one direction. A base whose own embeddings lie close together, as those of E5 do, raises the limit to the
    middle between its own value and 1.
    """
    gates = run.inputs.case.gates
    found, base = (run.embeddings(name)["eval"] for name in (subject.model, BASE))
    cosine, rank = mean_pairwise_cosine(found), effective_rank(found)
    limit = max(gates.collapse_cosine, (1 + mean_pairwise_cosine(base)) / 2)
    passed = cosine <= limit
    if math.isnan(cosine):
        end = "undefined: an embedding is zero or not a number"
    else:
        end = "they differ" if passed else "collapsed: nearly the same embedding for every text"
    message = (
        f"{subject.model} mean cosine of two evaluation texts {cosine:.3f}, expected at most {limit:.3f}: {end} "
        f"(effective rank {rank:.1f}, base {effective_rank(base):.1f})"
    )
    return Verdict(outcome=outcome_of(passed), observed=cosine, reference=limit, message=message)


def rank_suffices(run: Evidence, subject: Subject) -> Verdict:
    """Judge that an adapter reaches the case's part of what it reaches at another rank."""
    model, metric, rank, gate = subject.model, subject.metric, int(subject.rank), run.inputs.case.gates.rank
    if gate is None:
        raise ValueError("the case compares no ranks")
    lora = run.inputs.case.recipes[model].lora
    own = 0 if lora is None else lora.rank
    found = run.at_rank(model, rank, metric)
    passed = found.ratio >= gate.at_least
    remedy = "" if passed or rank < own else ": raise it"
    start = f"{model} at rank {own} {metric} {number(found.model, METRICS[metric].unit)}, at rank {rank}"
    return _relative(found, start, metric, f"of rank {rank}", gate.at_least, passed, remedy)


def general_knowledge_is_kept(run: Evidence, subject: Subject) -> Verdict:
    """Judge that a model keeps the case's part of the base's value on pairs that it was not trained for."""
    gate = run.inputs.case.gates.forgetting
    if gate is None:
        raise ValueError("the case has no general pairs")
    found = run.kept(subject.model, gate.pairs, gate.metric)
    passed = found.ratio >= gate.at_least
    start = f"{subject.model} {gate.metric} on {gate.pairs} {number(found.model, METRICS[gate.metric].unit)}, base"
    forgot = "" if passed else ": it forgot"
    return _relative(found, start, gate.metric, "of the base", gate.at_least, passed, forgot)


def retrieval_is_better(run: Evidence, subject: Subject) -> Verdict:
    """Judge that a model finds relevant documents better than the base, by nDCG@10; inconclusive within chance."""
    model = subject.model
    found = run.retrieval_change(model, RANKING)
    outcome: Outcome = "fail" if not found.difference > 0 else "pass" if found.interval.low > 0 else "inconclusive"
    end = {"pass": "better", "fail": "not better than the base", "inconclusive": "within chance"}[outcome]
    if math.isnan(found.difference):
        end = f"undefined: {found.reason}"
    interval = found.interval
    message = (
        f"{model} {RANKING} {found.difference:+.3f} beside the base (95 % interval {interval.low:+.3f} to "
        f"{interval.high:+.3f}); first hit won on {len(found.won):,} queries, lost on {len(found.lost):,}: {end}"
    )
    return Verdict(outcome=outcome, observed=found.difference, reference=0.0, message=message)


def _relative(
    found: RelativePerformance, start: str, metric: str, of: str, least: float, passed: bool, remedy: str
) -> Verdict:
    end = f"undefined: {found.reason}"
    if not math.isnan(found.ratio):
        bound = bound_words(passed, "at least", least)
        end = f"{percent(found.ratio, 1)} {of}{interval_words(found.interval)}, {bound}{remedy}"
    message = f"{start} {number(found.reference, METRICS[metric].unit)}: {end}"
    return Verdict(outcome=outcome_of(passed), observed=found.ratio, reference=least, message=message)
