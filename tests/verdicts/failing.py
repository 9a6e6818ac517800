"""The comparisons of a model with a stored one that fail, without a run around them."""

from functools import cache

import numpy as np

from harness.analyses.uncertainty import changes_since
from harness.gates import Subject
from harness.gates.regression import change_verdict


def failing(stored, stored_scores, found, pairs):
    """Return the failed verdicts of one evaluation, by the rule of the gates `metric` and `category`.

    The interval of a change is computed where its tolerance is exceeded: elsewhere it decides nothing.
    """

    @cache
    def changes():
        now, before = np.array(found.scores), np.array(stored_scores)
        return changes_since(now, before, pairs, list(stored.categories), permutations=1)

    def judged(category, metric, value, change):
        subject, result = Subject(model="model", metric=metric, category=category), found.result(metric, category)
        return change_verdict(subject, result, value, change, (), pairs.pairs)

    failed = []
    for category, metric, value in stored.compared:
        if judged(category, metric, value, None).outcome != "fail":
            continue
        verdict = judged(category, metric, value, changes()[category][metric])
        failed += [verdict] if verdict.outcome == "fail" else []
    return failed
