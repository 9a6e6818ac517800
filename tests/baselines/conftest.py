"""A small baseline, and what a model of it is built from."""

import pytest

from harness.baselines import Baseline, Origin, StoredModel, StoredValue
from harness.metrics import METRICS, Evaluation, GroupResult, MetricResult


def stored_model(value=0.8, **provenance):
    stored = StoredValue(value=value, tolerance=0.02, direction="higher", seeds={"42": value, "43": 0.79})
    return StoredModel(
        metrics={"spearman": stored, "margin": stored},
        categories={
            "values": {
                "margin": stored,
                "auc_roc": stored.model_copy(update={"value": abs(value), "seeds": {"42": abs(value), "43": 0.79}}),
            }
        },
        settings={"length": 48},
        provenance=provenance,
    )


@pytest.fixture(scope="session")
def make_baseline():
    def make(lora=0.8, **changed):
        content = {
            "version": 1,
            "origin": Origin(eval_sha256="e" * 64, eval_pairs=2, base_name="MiniLM", base_digest="b" * 64),
            "models": {"base": stored_model(-0.2), "lora": stored_model(lora, machine="Größe 2")},
            "scores": [{"base": 0.5, "lora": -0.25}, {"base": 0.125, "lora": 0.75}],
        }
        return Baseline(**{**content, **changed})

    return make


@pytest.fixture(scope="session")
def make_evaluation():
    """Every metric with one value, but for those given; one category with a margin of 0.5."""

    def make(value=0.5, *, margin=0.5, categories=("values",), **metrics):
        results = {name: MetricResult(metrics.get(name, value)) for name in METRICS}
        groups = {name: GroupResult(20, 10, 10, 0.7, 0.2, {"margin": margin, "auc_roc": 0.9}) for name in categories}
        return Evaluation(results, groups, {}, (0.1, 0.2))

    return make
