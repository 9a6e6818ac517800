"""The gates on what a case compares: is one of its strategies worth shipping, and is a second stage?"""

import math

from harness.gates.failures import RANKING
from harness.gates.types import Evidence, Outcome, Subject, Verdict
from harness.statistics import RetrievalChange


def one_is_worth_it(run: Evidence, subject: Subject) -> Verdict:
    """Judge that the best strategy is better than the base on the retrieval set; its message names it.

    That is the one with the greatest nDCG@10 of those that keep enough of the base's general knowledge, where the case
    has general pairs. Inconclusive where the interval of its gain, paired by query, holds 0.
    """
    del subject  # the case as a whole
    changes = {model: run.retrieval_change(model, RANKING) for model in run.inputs.trained}
    forgot = [model for model in changes if _forgot(run, model)]
    left = {model: change for model, change in changes.items() if model not in forgot}
    best = max(left, key=lambda model: _gain(left[model]), default="")
    words = f"of {len(changes)} strategies{_without(forgot)} "
    if not best or not _gain(left[best]) > 0:
        message = f"{words}none is better than the base in {RANKING}"
        return Verdict(outcome="fail", observed=_gain(left[best]) if best else math.nan, reference=0.0, message=message)
    interval = left[best].interval
    outcome: Outcome = "pass" if interval.low > 0 else "inconclusive"
    others = [model for model in left if model != best and _gain(left[model]) >= interval.low]
    alike = f"; {', '.join(others)} within its interval" if others else ""
    ends = f"{interval.low:+.3f} to {interval.high:+.3f}"
    gain = f"{RANKING} {left[best].difference:+.3f} beside the base"
    message = f"{words}{best} is the best: {gain} (95 % interval {ends}){alike}"
    return Verdict(outcome=outcome, observed=left[best].difference, reference=0.0, message=message)


def rerank_is_no_worse(run: Evidence, subject: Subject) -> Verdict:
    """Judge that a second stage makes no more decisions wrong than right, by the accuracy on the evaluation pairs.

    It fails where the whole paired interval of the change is below 0; a loss within chance is inconclusive.
    """
    found = run.rerank(subject.model)
    accuracy, interval = found.accuracy, found.accuracy.interval
    if math.isnan(accuracy.change):
        message = f"{subject.model} with a second stage: undefined: {interval.reason}"
        return Verdict(outcome="fail", observed=math.nan, reference=0.0, message=message)
    outcome: Outcome = "pass" if accuracy.change >= 0 else "fail" if interval.high < 0 else "inconclusive"
    end = {"pass": "no worse", "fail": "worse", "inconclusive": "worse, within chance"}[outcome]
    ends = f" (95 % interval {interval.low:+.3f} to {interval.high:+.3f})" if not interval.reason else ""
    message = (
        f"{subject.model} accuracy {accuracy.before:.3f}, with the second stage {accuracy.change:+.3f}{ends}: "
        f"{found.rescored:,.0f} pairs rescored, {len(found.fixed):,} fixed, {len(found.regressed):,} regressed: {end}"
    )
    return Verdict(outcome=outcome, observed=accuracy.change, reference=0.0, message=message)


def _forgot(run: Evidence, model: str) -> bool:
    gate = run.inputs.case.gates.forgetting
    return gate is not None and not run.kept(model, gate.pairs, gate.metric).ratio >= gate.at_least


def _without(forgot: list[str]) -> str:
    return f" ({', '.join(forgot)} forgot too much)" if forgot else ""


def _gain(change: RetrievalChange) -> float:
    return -math.inf if math.isnan(change.difference) else change.difference
