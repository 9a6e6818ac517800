"""The gate on a comparison of strategies: is one of them worth shipping, and which?"""

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


def _forgot(run: Evidence, model: str) -> bool:
    gate = run.inputs.case.gates.forgetting
    return gate is not None and not run.kept(model, gate.pairs, gate.metric).ratio >= gate.at_least


def _without(forgot: list[str]) -> str:
    return f" ({', '.join(forgot)} forgot too much)" if forgot else ""


def _gain(change: RetrievalChange) -> float:
    return -math.inf if math.isnan(change.difference) else change.difference
