"""The comparisons of a model with a stored one that fail, without a run around them."""

import numpy as np

from harness.analyses.uncertainty import changes_since
from harness.gates import Subject
from harness.gates.regression import change_verdict


def failing(stored, stored_scores, found, pairs):
    """Return the failed verdicts of one evaluation, by the rule of the gates `metric` and `category`.

    The interval of a change is computed where its tolerance is exceeded: elsewhere it decides nothing.
    """
    now, before = np.array(found.scores), np.array(stored_scores)
    changes = {}

    def judged(category, metric, value, change):
        subject, result = Subject(model="model", metric=metric, category=category), found.result(metric, category)
        return change_verdict(subject, result, value, change, (), pairs.pairs)

    failed = []
    for category, metric, value in stored.compared:
        if judged(category, metric, value, None).outcome != "fail":
            continue
        if category not in changes:
            changes |= changes_since(now, before, pairs, [category] if category else [], permutations=1)
        verdict = judged(category, metric, value, changes[category][metric])
        failed += [verdict] if verdict.outcome == "fail" else []
    return failed
