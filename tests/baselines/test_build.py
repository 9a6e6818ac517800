"""A model is stored with its tolerances, and never with a value that is undefined."""

import math
from dataclasses import replace

import pytest

from harness.baselines import CATEGORY_METRICS, build_model, build_scores, undefined_metrics
from harness.config import read_case
from harness.errors import BaselineError
from harness.metrics import METRICS
from harness.statistics import Interval, retraining_tolerances


@pytest.fixture(scope="module")
def case(dating_case_path):
    return read_case(dating_case_path)


def build(case, model, evaluation, retrained, categories=("values",), **options):
    return build_model(case, model, evaluation, retrained, categories, {"pooling": "mean"}, {"made": "here"}, **options)


@pytest.mark.parametrize("values", [[0.82, 0.82, 0.82], [-1.0, 1.0, 0.0, 0.0]])
def test_a_trained_model_is_stored_with_its_seeds_directions_and_tolerances(case, make_evaluation, values):
    retrained = {42 + index: make_evaluation(value) for index, value in reversed(list(enumerate(values)))}
    built = build(case, "lora", make_evaluation(values[0] + 1e-10), retrained)
    assert [metric.direction for metric in METRICS.values()] == [found.direction for found in built.metrics.values()]
    spearman = built.metrics["spearman"]
    by_seed = {str(42 + index): value for index, value in enumerate(values)}
    assert (values[0], list(by_seed.items())) == (spearman.value, list(spearman.seeds.items()))
    comparisons = len(METRICS) + len(CATEGORY_METRICS)
    columns = [[value] for value in values]
    (noise,) = retraining_tolerances(columns, comparisons=comparisons, confidence=case.tolerance.confidence)
    assert max(noise, case.tolerance.floor["spearman"]) == pytest.approx(spearman.tolerance, abs=1e-6)
    assert ({"made": "here"}, {"pooling": "mean"}) == (built.provenance, built.settings)
    assert {"values": set(CATEGORY_METRICS)} == {name: set(group) for name, group in built.categories.items()}
    assert (0.9, 0.5) == tuple(built.categories["values"][metric].value for metric in ("auc_roc", "margin"))


def test_a_category_whose_trainings_happen_to_agree_has_the_spread_of_the_others(case, make_evaluation):
    margins = {"agrees": [0.5] * 3, "some": [0.5, 0.48, 0.46], "more": [0.5, 0.4, 0.3]}

    def training(seed):
        found = make_evaluation(0.5 + seed / 1000, categories=tuple(margins))
        groups = {
            name: replace(group, metrics={**group.metrics, "margin": margins[name][seed]})
            for name, group in found.categories.items()
        }
        return replace(found, categories=groups)

    retrained = {seed: training(seed) for seed in range(3)}
    built = build(case, "lora", retrained[0], retrained, tuple(margins))
    agrees, some, more = (built.categories[name]["margin"].tolerance for name in margins)
    assert agrees == some == pytest.approx(more / 5, abs=1e-6)
    assert some > case.tolerance.floor["margin"]


def test_nothing_is_stored_of_clusters_that_not_every_model_has(case, make_evaluation):
    without = make_evaluation(cluster_purity=math.nan, spearman=math.nan)
    assert ["cluster_purity"] == list(undefined_metrics([make_evaluation(), without]))
    assert {} == undefined_metrics([make_evaluation()])
    built = build(case, "base", make_evaluation(), {}, undefined=["cluster_purity"])
    assert set(METRICS) - {"cluster_purity"} == set(built.metrics)


def test_the_base_is_stored_without_seeds_and_with_the_cases_tolerance(case, make_evaluation):
    built = build(case, "base", make_evaluation(-0.2), {})
    for name in METRICS:
        assert ({}, case.tolerance.base[name]) == (built.metrics[name].seeds, built.metrics[name].tolerance)
    assert "case" == built.tolerance_from


def test_a_model_that_is_not_trained_here_has_its_tolerance_from_the_pairs(case, make_evaluation):
    evaluation = make_evaluation(0.5, false_positives=12)
    wide = {name: Interval(value - 0.3, value + 0.1, "") for name, value in _values(evaluation).items()}
    everywhere = {"": {**wide, "false_positives": Interval(9, 20, ""), "margin": Interval.none("too few")}}
    everywhere["values"] = {**wide, "margin": Interval(0.45, 0.6, ""), "auc_roc": Interval.none("too few")}
    built = build_model(case, "m", evaluation, {}, ("values",), {}, {}, everywhere)
    assert ("bootstrap", {}) == (built.tolerance_from, built.metrics["spearman"].seeds)
    assert (0.3, 8) == (built.metrics["spearman"].tolerance, built.metrics["false_positives"].tolerance)
    assert case.tolerance.floor["margin"] == built.metrics["margin"].tolerance
    # A category with too few pairs for an interval has that of all pairs.
    assert (0.05, 0.3) == tuple(built.categories["values"][name].tolerance for name in ("margin", "auc_roc"))


def _values(evaluation):
    return {name: result.value for name, result in evaluation.metrics.items()}


@pytest.mark.parametrize(("seed", "name"), [(0, "metric spearman"), (43, "metric spearman"), (0, "values margin")])
def test_an_undefined_value_is_never_stored(case, make_evaluation, seed, name):
    measured = dict.fromkeys((0, 42, 43, 44), make_evaluation())
    measured[seed] = make_evaluation(**{name.split()[1]: math.nan})
    with pytest.raises(BaselineError) as caught:
        build(case, "lora", measured.pop(0), measured)
    assert f"dating: lora {name} is undefined and cannot be stored" == str(caught.value)


def test_only_the_given_categories_are_stored_and_the_scores_a_row_a_pair(case, make_evaluation):
    measured = make_evaluation(categories=("values", "few", "other"))
    assert ["other", "values"] == list(build(case, "base", measured, {}, ("other", "values")).categories)
    expected = [{"base": 0.1, "lora": 0.1}, {"base": 0.2, "lora": 0.2}]
    assert expected == build_scores({"base": measured, "lora": measured})
