"""The baseline that a run would store: values, tolerances from several trainings, and where they come from."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import __version__, baselines
from harness.baselines import Baseline
from harness.case import BASE
from harness.pipeline import run_model

if TYPE_CHECKING:
    from harness.evaluation import Evaluation
    from harness.pipeline import CaseRun, ModelRun


def measure_baseline(run: CaseRun, seeds: int) -> Baseline:
    """The baseline that this run would store: every model's values, and tolerances from `seeds` trainings of each.

    Raises:
        BaselineError: A value is undefined.
    """
    models = {name: run.model(name) for name in run.inputs.models}
    return Baseline(
        version=1,
        origin=run.inputs.origin,
        models={
            name: baselines.build_model(
                run.case,
                name,
                model.evaluation,
                calibrate(run, name, seeds),
                run.inputs.compared_categories,
                model.encoding["settings"],
                provenance(model),
            )
            for name, model in models.items()
        },
        scores=baselines.build_scores({name: model.evaluation for name, model in models.items()}),
    )


def calibrate(run: CaseRun, model: str, seeds: int) -> dict[int, Evaluation]:
    """Trains one model with several seeds, its recipe's first: seed -> evaluation. Empty for the base."""
    if model == BASE:
        return {}
    first = run.case.models[model].seed
    others = range(first + 1, first + seeds)
    return {first: run.model(model).evaluation} | {
        seed: run_model(run.work, run.inputs, model, seed=seed).evaluation for seed in others
    }


def provenance(model: ModelRun) -> dict[str, Any]:
    """What a model's values came from: versions, digests, recipe with seed, precision, machine."""
    trained = model.training or {}
    return {
        "harness": __version__,
        "inputs": dict(model.inputs),
        "precision": {"train": trained.get("precision"), "encode": "fp32"},
        "device": model.encoding["device"],
        "machine": machine(),
    }


def machine() -> str:
    """Processor and system in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    processor = f"{len(names)} x {names[0]}" if names else platform.processor()
    return f"{processor}, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
