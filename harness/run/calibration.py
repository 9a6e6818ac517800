"""The baseline that a run would store: values, tolerances from several trainings, and where they come from."""

from importlib.metadata import version
from typing import Any

from harness import __version__
from harness.baselines import Baseline, build_model, build_scores
from harness.config import BASE
from harness.execution import Step
from harness.metrics import Evaluation
from harness.models import ENCODE
from harness.run.case_run import CaseRun
from harness.run.environment import machine
from harness.training import TRAIN


def measure_baseline(run: CaseRun, seeds: int) -> Baseline:
    """Measure every model, and take its tolerances from `seeds` trainings of it.

    Raises:
        BaselineError: A value is undefined.
    """
    models = {name: run.evaluation(name) for name in run.inputs.models}
    return Baseline(
        version=1,
        origin=run.inputs.origin,
        models={
            name: build_model(
                run.inputs.case,
                name,
                evaluation,
                calibrate(run, name, seeds),
                run.inputs.compared_categories,
                run.encoding(name).value.settings,
                provenance(run, name),
            )
            for name, evaluation in models.items()
        },
        scores=build_scores(models),
    )


def calibrate(run: CaseRun, model: str, seeds: int) -> dict[int, Evaluation]:
    """Train one model with several seeds, its recipe's first: seed -> evaluation. Empty for the base."""
    if model == BASE:
        return {}
    first = run.inputs.case.models[model].seed
    others = range(first + 1, first + seeds)
    return {first: run.evaluation(model)} | {seed: run.evaluation(model, seed=seed) for seed in others}


def provenance(run: CaseRun, model: str) -> dict[str, Any]:
    """Return what a model's values came from: versions, digests, recipe with seed, precision, machine."""
    trained, encoded = run.training(model), run.encoding(model)
    return {
        "harness": __version__,
        "encode": _code(ENCODE),
        "train": (
            _code(TRAIN)
            | {
                "recipe": run.inputs.case.models[model].model_dump(mode="json"),
                "base": run.inputs.base.digest,
                "train_pairs": run.inputs.train.digest,
            }
            if trained
            else None
        ),
        "precision": {"train": trained.value.precision if trained else None, "encode": "fp32"},
        "device": encoded.value.device,
        "machine": machine(),
    }


def _code(step: Step[Any]) -> dict[str, Any]:
    return {"revision": step.revision, "libraries": {name: version(name) for name in step.libraries}}
