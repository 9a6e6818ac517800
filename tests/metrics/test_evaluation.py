import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from harness.metrics import METRICS, Evaluation, GroupResult, MetricResult, ScoredPairs, evaluate

BY_GROUP = {key: metric for key, metric in METRICS.items() if metric.by_group}


def scored(scores, labels, groups):
    labels = np.array(labels, dtype=np.int8)
    means = 9 * np.eye(2)[labels] + np.random.default_rng(0).normal(size=(len(scores), 2))
    return ScoredPairs(np.array(scores, dtype=np.float64), labels, means, groups, groups)


def test_every_metric_is_measured_and_in_groups_equals_that_of_their_pairs():
    rng = np.random.default_rng(0)
    groups = tuple(rng.choice(["travel", "faith", "arts"], size=90).tolist())
    pairs = scored(rng.uniform(-1, 1, 90), rng.integers(0, 2, 90), groups)
    found = evaluate(pairs)
    assert (list(METRICS), pairs.scores.tolist()) == (list(found.metrics), list(found.scores))
    assert found.clusters is not None
    assert found.metrics["cluster_purity"].details["cluster_labels"] == found.clusters.tolist()
    assert evaluate(scored([0.5, 0.1], [1, 0], ("a", "a"))).clusters is None
    assert found.categories == found.pair_types
    assert ["arts", "faith", "travel"] == list(found.categories)
    for name, actual in found.categories.items():
        rows = [row for row, group in enumerate(groups) if group == name]
        scores, labels = pairs.scores[rows], pairs.labels[rows]
        assert (len(rows), labels.sum(), len(rows) - labels.sum()) == (actual.count, actual.positives, actual.negatives)
        assert scores[labels == 1].mean() == pytest.approx(actual.mean_positive, abs=1e-15)
        assert scores[labels == 0].mean() == pytest.approx(actual.mean_negative, abs=1e-15)
        part = scored(scores, labels, ("one",) * len(rows))
        assert {key: metric.function(part).value for key, metric in BY_GROUP.items()} == actual.metrics
        assert actual.reason == ""


def test_groups_in_which_something_is_undefined_say_why_and_keep_the_rest():
    groups = {
        "lonely": ([0.5, 0.75], [1, 1], "group 'lonely' needs both labels: 2 positive, 0 negative pairs"),
        "two": ([0.75, 0.25], [1, 0], "cohens_d needs at least 3 pairs: 1 positive, 1 negative pair"),
        "bad": ([0.75, math.nan], [1, 0], "1 of 2 scores are not finite"),
        "good": ([0.1, 0.9, 0.2], [0, 1, 0], ""),
    }
    names = tuple(name for name, (scores, _, _) in groups.items() for _ in scores)
    scores, labels = ([value for group in groups.values() for value in group[column]] for column in (0, 1))
    found = evaluate(scored(scores, labels, names)).categories
    assert {name: reason for name, (_, _, reason) in groups.items()} == {name: found[name].reason for name in groups}
    assert found["lonely"].mean_positive == 0.625
    assert all(math.isnan(value) for value in (found["lonely"].mean_negative, *found["lonely"].metrics.values()))
    assert (found["two"].metrics["margin"], found["two"].metrics["auc_roc"]) == (0.5, 1.0)
    assert math.isnan(found["two"].metrics["cohens_d"])
    assert math.isnan(found["bad"].mean_negative)


VALUES = st.just(math.nan) | st.floats(-1, 1)
KEYED = st.dictionaries(st.sampled_from(list(METRICS)), VALUES)
DETAILS = st.dictionaries(st.text(max_size=4), st.none() | st.integers() | st.lists(st.floats(-1, 1), max_size=3))
RESULTS = st.builds(MetricResult, VALUES, st.text(max_size=4), DETAILS)
GROUPS = st.builds(GroupResult, *[st.integers(0, 99)] * 3, VALUES, VALUES, KEYED, st.text(max_size=4))
EVALUATIONS = st.builds(
    Evaluation,
    st.dictionaries(st.sampled_from(list(METRICS)), RESULTS),
    st.dictionaries(st.text(max_size=3), GROUPS, max_size=3),
    st.dictionaries(st.text(max_size=3), GROUPS, max_size=3),
    st.lists(VALUES, max_size=4).map(tuple),
)


@settings(max_examples=30)
@given(EVALUATIONS)
def test_an_evaluation_comes_back_from_strict_json_as_it_was(evaluation):
    adapter = TypeAdapter(Evaluation)
    content = adapter.dump_json(evaluation)
    json.loads(content, parse_constant=lambda name: (_ for _ in ()).throw(AssertionError(name)))
    assert repr(evaluation) == repr(adapter.validate_json(content))  # NaN reads the same, and does not compare the same
