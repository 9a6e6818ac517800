"""An update says what it changes, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.baselines import Baseline, StoredModel, changes

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Baseline]


def test_nothing_is_listed_where_nothing_changed_and_a_first_baseline_as_new(make_baseline: Make) -> None:
    assert [] == changes(make_baseline(), make_baseline())
    assert ["new: 2 models, 2 pairs"] == changes(None, make_baseline())


def test_each_change_is_a_line(make_baseline: Make, make_model: Callable[..., StoredModel]) -> None:
    old = make_baseline()
    values = make_baseline(models={"base": make_model(-0.2), "lora": make_model(0.7, machine="Größe 2")})
    assert [
        f"models.lora.{where}.{which}: 0.8 -> 0.7"
        for where in ("categories.values.auc_roc", "categories.values.margin", "metrics.margin", "metrics.spearman")
        for which in ("seeds.42", "value")
    ] == changes(old, values)
    machine = make_baseline(models={**old.models, "lora": make_model(machine="other")})
    assert ["models.lora.provenance.machine: Größe 2 -> other"] == changes(old, machine)
    origin = make_baseline(origin=old.origin.model_copy(update={"eval_pairs": 3}))
    assert ["origin.eval_pairs: 2 -> 3"] == changes(old, origin)


def test_changed_scores_are_counted(make_baseline: Make) -> None:
    old = make_baseline()
    assert ["scores of 1 of 2 pairs"] == changes(old, make_baseline(scores=[old.scores[0], {"base": 0.0, "lora": 0.5}]))
    assert ["scores of 1 of 3 pairs"] == changes(old, make_baseline(scores=[*old.scores, {"base": 0.0, "lora": 0.0}]))


def test_a_model_that_comes_or_goes_is_listed_by_its_values(make_baseline: Make) -> None:
    full = make_baseline()
    fewer = make_baseline(models={"base": full.models["base"]})
    gone, new = changes(full, fewer), changes(fewer, full)
    assert "models.lora.metrics.spearman.value: 0.8 -> gone" in gone
    assert "models.lora.metrics.spearman.value: not stored -> 0.8" in new
    assert len(gone) == len(new)
    assert all(line.startswith("models.lora.") for line in gone + new)
