"""The baseline that a run would store: values, tolerances, and where they come from."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from harness import __version__
from harness.baselines import Baseline, build_model, build_scores, score_intervals, undefined_metrics
from harness.execution import Step
from harness.metrics import Evaluation
from harness.models import ENCODERS
from harness.run.case_run import CaseRun
from harness.run.environment import machine
from harness.statistics import Interval
from harness.training import TRAIN


def measure_baseline(run: CaseRun, seeds: int) -> Baseline:
    """Measure every model, and take its tolerances from `seeds` trainings of it, or where it has none from the pairs.

    Raises:
        BaselineError: A value is undefined.
    """
    models = {name: run.evaluation(name) for name in run.inputs.models}
    retrained = {name: calibrate(run, name, seeds) for name in models}
    undefined = undefined_metrics(found for name in models for found in (models[name], *retrained[name].values()))
    return Baseline(
        version=1,
        origin=run.inputs.origin,
        models={
            name: build_model(
                run.inputs.case,
                name,
                evaluation,
                retrained[name],
                run.inputs.compared_categories,
                run.encoding(name).value.settings,
                provenance(run, name),
                intervals(run, name) if name in run.inputs.sources else None,
                undefined,
            )
            for name, evaluation in models.items()
        },
        undefined=undefined,
        scores=build_scores(models),
    )


def calibrate(run: CaseRun, model: str, seeds: int) -> dict[int, Evaluation]:
    """Train one model with several seeds, its recipe's first: seed -> evaluation. Empty for one without recipe."""
    recipe = run.inputs.case.recipes.get(model)
    if recipe is None:
        return {}
    first = recipe.seed
    others = range(first + 1, first + seeds)
    return {first: run.evaluation(model)} | {seed: run.evaluation(model, seed=seed) for seed in others}


def intervals(run: CaseRun, model: str) -> dict[str, Mapping[str, Interval]]:
    """Resample the evaluation pairs of each compared category: category -> metric -> interval, all pairs under ""."""
    scores = np.array(run.evaluation(model).scores)
    by_category = score_intervals(scores, run.inputs.eval, run.inputs.compared_categories)
    return {"": run.uncertainty(model).intervals, **by_category}


def provenance(run: CaseRun, model: str) -> dict[str, Any]:
    """Return what a model's values came from: versions, digests, recipe with seed, precision, machine."""
    trained, encoded = run.training(model), run.encoding(model)
    elsewhere = run.inputs.sources.get(model)
    return {
        "harness": __version__,
        "encode": _code(ENCODERS[type(run.source(model))]),
        "train": (
            _code(TRAIN)
            | {
                "recipe": run.inputs.case.recipes[model].model_dump(mode="json"),
                "base": run.inputs.base.digest,
                "train_pairs": run.inputs.train.digest if run.inputs.train else None,
                "threads": trained.value.threads,
            }
            if trained
            else None
        ),
        "precision": {"train": trained.value.precision if trained else None, "encode": "fp32"},
        "device": encoded.value.device,
        "machine": machine(),
        **({"source": elsewhere.origin} if elsewhere else {}),
    }


def _code(step: Step[Any]) -> dict[str, Any]:
    return {"revision": step.revision, "libraries": {name: version(name) for name in step.libraries}}
