"""Cost of each stage, and what the training gains over the trainer's plain defaults. Measured, never asserted."""

from dataclasses import replace

import pytest

from harness.execution import Context, Store

pytestmark = pytest.mark.speed


def test_seconds_of_each_stage_beside_plain_training(case_run, tmp_path, note):
    """Every model from an empty store, then each fully trained one again in fp32 with the unfused AdamW."""
    ctx, case = case_run.ctx, case_run.inputs.case
    fresh = replace(case_run, ctx=Context(Store(tmp_path / "store"), ctx.executor, ctx.progress))
    stages = [
        (stage, model)
        for model in case.model_names
        for stage in ("train", "encode")
        if stage == "encode" or model in case.recipes
    ]
    costs = {f"{stage} {model}": fresh.cost(model, stage) for stage, model in stages}
    note(
        f"stages of {case.name}",
        [
            f"{title:<20} {cost.seconds:7.1f} s {cost.peak_rss_mb or float('nan'):7.0f} MB"
            for title, cost in costs.items()
        ],
    )
    plain = {"precision": "fp32", "optimizer": "adamw_torch"}
    for name, recipe in case.recipes.items():
        if recipe.strategy != "full":
            continue
        seconds = [fresh.training(name, **changes).value.seconds for changes in ({}, plain)]
        quality = [fresh.evaluation(name, **changes).metrics["spearman"].value for changes in ({}, plain)]
        note(
            f"training of {case.name}-{name} beside the trainer's plain defaults",
            [
                f"as the recipe says  {seconds[0]:7.1f} s  spearman {quality[0]:.3f}",
                f"fp32, unfused AdamW {seconds[1]:7.1f} s  spearman {quality[1]:.3f}",
                f"ratio of the seconds {seconds[0] / seconds[1]:6.2f}",
            ],
        )
