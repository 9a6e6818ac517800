"""What each stage costs, and what the training gains over the trainer's plain defaults. Measured, never asserted."""

from dataclasses import replace

import pytest

from harness.pipeline import CaseRun, run_model
from harness.store import Store

pytestmark = pytest.mark.speed


def test_seconds_of_each_stage_beside_plain_training(case_run, tmp_path, note):
    """Every model from an empty store, then each fully trained one again in fp32 with the unfused AdamW."""
    fresh = CaseRun(replace(case_run.work, store=Store(tmp_path / "store")), case_run.inputs, None)
    models = {name: fresh.model(name) for name in fresh.case.model_names}
    stages = [
        (f"{stage} {name}", facts)
        for name, model in models.items()
        for stage, facts in (("train", model.training), ("encode", model.encoding))
        if facts is not None
    ]
    note(
        f"stages of {fresh.case.name}",
        [f"{title:<20} {facts['seconds']:7.1f} s {facts['peak_rss_mb']:7.0f} MB" for title, facts in stages],
    )
    for name, recipe in fresh.case.models.items():
        if recipe.strategy != "full":
            continue
        plain = run_model(fresh.work, fresh.inputs, name, precision="fp32", optimizer="adamw_torch")
        seconds = [run.training["train_seconds"] for run in (models[name], plain)]
        quality = [run.evaluation.metrics["spearman"].value for run in (models[name], plain)]
        note(
            f"training of {fresh.case.name}-{name} beside the trainer's plain defaults",
            [
                f"as the recipe says  {seconds[0]:7.1f} s  spearman {quality[0]:.3f}",
                f"fp32, unfused AdamW {seconds[1]:7.1f} s  spearman {quality[1]:.3f}",
                f"ratio of the seconds {seconds[0] / seconds[1]:6.2f}",
            ],
        )
