"""Detectable drops of the stored dating baseline, simulated."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from harness.analyses import POWER
from harness.analyses.power import measure_power
from harness.analyses.uncertainty import changes_since
from harness.baselines import read_baseline
from harness.config import read_case
from harness.errors import BaselineError
from harness.metrics import METRICS
from harness.run import prepare
from harness.statistics import regression


@pytest.fixture(scope="module")
def inputs(dating_case_path):
    return prepare(read_case(dating_case_path))


@pytest.fixture(scope="module")
def baseline(repository):
    found = read_baseline(repository / "baselines" / "dating" / "baseline.json")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def powers(inputs, baseline):
    return {model: measured(inputs, baseline, model) for model in inputs.trained}


def scores_of(baseline, model):
    return np.array([row[model] for row in baseline.scores])


def measured(inputs, baseline, model, *, metric="", **changes):
    """The power of the gates on a model, one of its stored values changed."""
    stored = baseline.models[model]
    if metric:
        value = stored.metrics[metric].model_copy(update=changes)
        stored = stored.model_copy(update={"metrics": {**stored.metrics, metric: value}})
    scores, base = (scores_of(baseline, name).tolist() for name in (model, "base"))
    return measure_power(stored=stored, stored_scores=scores, stored_base_scores=base, eval_pairs=inputs.eval)


@pytest.mark.parametrize("model", ["standard", "lora"])
def test_drops_are_no_smaller_than_tolerance_and_students_quantile_say(model, powers, baseline):
    """Where the interval proves what the tolerance allows, as it does where there is none, the two are the same."""
    compared = baseline.models[model].compared
    assert [comparison.metric for comparison in compared[: len(METRICS)]] == list(METRICS)
    for category, metric, value in compared:
        worse = np.array([value.deterioration(seen) for seen in value.seeds.values()])
        student = stats.t(len(worse) - 1, worse.mean(), worse.std(ddof=1) * math.sqrt(1 + 1 / len(worse)))
        least = value.limit - student.ppf(0.05)
        assert powers[model].drops[category][metric] >= 0.97 * least
        if not category and metric in ("margin", "cluster_purity", "spearman"):
            assert_allclose(powers[model].drops[category][metric], least, rtol=0.03)


@pytest.mark.parametrize("model", ["standard", "lora"])
def test_an_equally_good_training_fails_as_seldom_as_the_case_asks(model, powers, inputs):
    assert 0 < powers[model].fails < 1 - inputs.case.tolerance.confidence
    assert 0 <= powers[model].inconclusive < 0.01


@pytest.mark.parametrize("model", ["standard", "lora"])
def test_the_rule_fails_the_forgetting_that_is_said_to_be_detected(model, powers, inputs, baseline):
    """The stored model is one training: when it has forgotten twice what all comparisons together detect, it fails."""
    scores, base_scores = scores_of(baseline, model), scores_of(baseline, "base")
    categories = inputs.compared_categories

    def changes(share):
        now = (1 - share) * scores + share * base_scores
        return changes_since(now, scores, inputs.eval, categories, permutations=1)

    def failing(share):
        found = changes(share)
        return [
            (category, metric)
            for category, metric, value in baseline.models[model].compared
            for change in [found[category][metric]]
            if regression(value.deterioration(value.value + change.change), value.limit, change.low, change.high).proven
        ]

    share = -2 * powers[model].together[""]["margin"] / changes(1)[""]["margin"].change  # the margin is linear in it
    assert not failing(share / 20)
    assert failing(share)


@pytest.mark.parametrize("seeds", [{}, {"42": 0.6}, {"42": 0.6, "43": 0.7}])
def test_values_of_other_trainings_are_refused(inputs, baseline, seeds):
    with pytest.raises(BaselineError, match="expected the same two or more for each value"):
        measured(inputs, baseline, "lora", metric="spearman", seeds=seeds)


def test_it_comes_back_from_the_store_as_it_was(powers):
    back = POWER.codec.validate_json(POWER.codec.dump_json(powers["lora"]))
    assert repr(back) == repr(powers["lora"])  # NaN is not equal to itself
    assert math.isnan(back.together[""]["cluster_purity"])
