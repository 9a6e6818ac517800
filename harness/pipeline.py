"""The main flow: case -> pairs -> trained artefact -> embeddings -> metrics -> verdicts against the baseline.

Each step is a function of the one before and finds its result in the store if it was made already.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import __version__, baselines, checkpoints, encoding, evaluation, metrics, projection, training
from harness.baselines import Baseline, Origin
from harness.case import BASE, Case
from harness.checkpoints import PROBE_TEXTS, Checkpoint, ResolvedBase, module_names, resolve_base
from harness.errors import CaseError, HarnessError
from harness.evaluation import Evaluation, evaluate, from_json, to_json
from harness.pairs import PairSet, read_pairs
from harness.stages import run_stage
from harness.store import Artefact, Store, digest_of, file_digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

StageProgress = Callable[[str, float, str], None]
"""Called with a stage's title, the share done in [0, 1], and a few words."""


@dataclass(frozen=True)
class Workplace:
    """Where artefacts are kept, and who is told how a stage gets on."""

    store: Store
    on_progress: StageProgress


@dataclass(frozen=True)
class Inputs:
    """A case with everything that it names read and verified."""

    case: Case
    base: ResolvedBase
    train: PairSet
    eval: PairSet

    @property
    def compared_categories(self) -> tuple[str, ...]:
        """The categories with enough pairs of each label to be held against a baseline, sorted."""
        counts = Counter((pair.category, pair.label) for pair in self.eval)
        enough = self.case.gates.category_pairs
        return tuple(sorted({name for name, _ in counts if min(counts[name, 0], counts[name, 1]) >= enough}))

    @property
    def origin(self) -> Origin:
        """What a baseline must have been made from to be compared with."""
        return Origin(
            eval_sha256=self.eval.digest,
            eval_pairs=len(self.eval),
            base_name=self.base.name,
            base_digest=self.base.digest,
        )


@dataclass(frozen=True)
class ModelRun:
    """One model of a case, measured.

    Attributes:
        name: The model.
        evaluation: Its metrics.
        arrays: Embeddings by name: `texts`, `probes` and, for an adapter, `unmerged_probes`.
        training: Facts of the training stage; None for the base.
        encoding: Facts of the encoding stage.
        inputs: Stage -> everything that decided its result: recipe, digests, library versions.
    """

    name: str
    evaluation: Evaluation
    arrays: Mapping[str, NDArray[Any]]
    training: Mapping[str, Any] | None
    encoding: Mapping[str, Any]
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class CaseRun:
    """A case being run: each model is measured when it is first asked for.

    Attributes:
        work: Store and progress.
        inputs: The prepared case.
        baseline: What is stored for the case; None where nothing is.
    """

    work: Workplace
    inputs: Inputs
    baseline: Baseline | None
    _models: dict[str, ModelRun | HarnessError] = field(default_factory=dict)

    @property
    def case(self) -> Case:
        """The case."""
        return self.inputs.case

    @property
    def failures(self) -> dict[str, str]:
        """Model -> why it cannot be measured, for those that were asked for."""
        return {name: str(found) for name, found in self._models.items() if isinstance(found, HarnessError)}

    def model(self, name: str) -> ModelRun:
        """One model, measured.

        Raises:
            HarnessError: A stage failed.
        """
        if name not in self._models:
            try:
                self._models[name] = run_model(self.work, self.inputs, name)
            except HarnessError as error:
                self._models[name] = error  # everyone who asks is told; nobody waits for the same failure twice
        found = self._models[name]
        if isinstance(found, HarnessError):
            raise found
        return found


def prepare(case: Case) -> Inputs:
    """Reads the pairs and verifies the base. Imports no torch.

    Raises:
        HarnessError: Something that the case names is not what it should be.
    """
    train = read_pairs(case.train_path)
    for name, recipe in case.models.items():
        steps = recipe.epochs * -(-len(train) // recipe.batch_size)
        if recipe.warmup_steps >= steps:
            raise CaseError(
                f"{case.path}: models.{name}.warmup_steps: got {recipe.warmup_steps}, expected fewer than the "
                f"{steps} steps of the training: the learning rate would never reach its peak"
            )
    base = resolve_base(case.base, case.path.parent)
    known = module_names(base)
    for name, recipe in case.models.items():
        unknown = sorted(set(recipe.lora.target_modules) - known) if recipe.lora else []
        if unknown:
            raise CaseError(
                f"{case.path}: models.{name}.lora.target_modules: got {', '.join(unknown)}, expected modules of the "
                f"base: {', '.join(sorted(known))}"
            )
    return Inputs(case, base, train, read_pairs(case.eval_path))


def run_model(work: Workplace, inputs: Inputs, model: str, *, seed: int | None = None) -> ModelRun:
    """Trains (unless it is the base), encodes and measures one model.

    Args:
        work: Store and progress.
        inputs: The prepared case.
        model: The base or a key of the case's models.
        seed: Trains with this seed instead of the recipe's.
    """
    trained = None if model == BASE else train_model(work, inputs, model, seed=seed)
    if trained is not None:
        trained.verified()  # what would ship is whole, also where everything about it was measured in an earlier run
    encoded = _encode(work, inputs, model, trained, seed=seed)
    measured = _evaluate(work, inputs, encoded)
    return ModelRun(
        name=model,
        evaluation=from_json(measured.read_json("evaluation.json")),
        arrays=encoding.read_arrays(encoded.file(encoding.EMBEDDINGS)),
        training=trained.facts if trained else None,
        encoding=encoded.facts,
        inputs={"encode": encoded.inputs} | ({"train": trained.inputs} if trained else {}),
    )


def train_model(work: Workplace, inputs: Inputs, model: str, *, seed: int | None = None) -> Artefact:
    """The trained artefact of one model."""
    recipe = inputs.case.models[model]
    if seed is not None:
        recipe = recipe.model_copy(update={"seed": seed})
    decides = {
        "schema": training.SCHEMA,
        "recipe": recipe.model_dump(mode="json"),
        "base": inputs.base.digest,
        "train_pairs": inputs.train.digest,
        "eval_pairs": inputs.eval.digest,  # the training curve is measured on them
        "libraries": _versions(training.LIBRARIES),
    }
    title = _title("train", inputs, model, seed)

    def build(out: Path) -> dict[str, Any]:
        return _stage(work, title, training.train, recipe, inputs.base, inputs.train, inputs.eval, out)

    return work.store.make("model", decides, build)


def checkpoint(inputs: Inputs, model: str, trained: Artefact | None) -> Checkpoint:
    """What to open for a model, with every file verified."""
    if trained is None:
        return Checkpoint("base", inputs.base, inputs.base.path)
    return Checkpoint(inputs.case.models[model].strategy, inputs.base, trained.verified())


def calibrate(run: CaseRun, model: str, seeds: int) -> dict[int, Evaluation]:
    """Trains one model with several seeds, its recipe's first: seed -> evaluation. Empty for the base."""
    if model == BASE:
        return {}
    first = run.case.models[model].seed
    others = range(first + 1, first + seeds)
    return {first: run.model(model).evaluation} | {
        seed: run_model(run.work, run.inputs, model, seed=seed).evaluation for seed in others
    }


def project(work: Workplace, inputs: Inputs, runs: Mapping[str, ModelRun]) -> dict[str, NDArray[Any]]:
    """UMAP planes of the pairs, model -> array of shape `(n_pairs, 2)`: pictures, never gates."""
    means = {name: projection.pair_means(run.arrays["texts"], inputs.eval.text_rows) for name, run in runs.items()}
    decides = {
        "schema": projection.SCHEMA,
        "points": {name: hashlib.sha256(points.tobytes()).hexdigest() for name, points in means.items()},
        "libraries": _versions(projection.LIBRARIES),
    }
    title = f"project {inputs.case.name}"
    planes = work.store.make("projection", decides, lambda out: _stage(work, title, projection.project, means, out))
    return encoding.read_arrays(planes.file(projection.PLANES))


def measure_baseline(run: CaseRun, seeds: int) -> Baseline:
    """The baseline that this run would store: every model's values, and tolerances from `seeds` trainings of each.

    Raises:
        BaselineError: A value is undefined.
    """
    models = {name: run.model(name) for name in run.case.model_names}
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
                provenance(model),
            )
            for name, model in models.items()
        },
        scores=baselines.build_scores({name: model.evaluation for name, model in models.items()}),
    )


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


def _encode(
    work: Workplace, inputs: Inputs, model: str, trained: Artefact | None, *, seed: int | None = None
) -> Artefact:
    texts = inputs.eval.texts
    decides = {
        # Not a schema number: whoever changes how a model is opened must not be shown what the old code measured.
        "source": _source_digest(Path(checkpoints.__file__), Path(encoding.__file__)),
        "model": digest_of([trained.key, trained.files]) if trained else inputs.base.digest,
        "texts": digest_of(texts),
        "probes": digest_of(PROBE_TEXTS),
        "libraries": _versions(encoding.LIBRARIES),
    }
    title = _title("encode", inputs, model, seed)

    def build(out: Path) -> dict[str, Any]:
        return _stage(work, title, encoding.encode, checkpoint(inputs, model, trained), texts, out)

    return work.store.make("embeddings", decides, build)


def _evaluate(work: Workplace, inputs: Inputs, encoded: Artefact) -> Artefact:
    decides = {
        "source": _source_digest(Path(metrics.__file__).parent, Path(evaluation.__file__)),
        "embeddings": encoded.key,
        "eval_pairs": inputs.eval.digest,
        "libraries": _versions(evaluation.LIBRARIES),
    }

    def build(out: Path) -> dict[str, Any]:
        result = evaluate(encoding.read_arrays(encoded.file(encoding.EMBEDDINGS))["texts"], inputs.eval)
        (out / "evaluation.json").write_text(json.dumps(to_json(result)), encoding="utf-8")
        return {}

    return work.store.make("evaluation", decides, build)


def _title(stage: str, inputs: Inputs, model: str, seed: int | None) -> str:
    return f"{stage} {inputs.case.name}-{model}" + ("" if seed is None else f" (seed {seed})")


def _stage(work: Workplace, title: str, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Runs a stage; its facts with what it cost."""
    work.on_progress(title, 0.0, "starting")
    result = run_stage(
        title, function, *arguments, on_progress=lambda share, note: work.on_progress(title, share, note)
    )
    return {**result.value, "seconds": round(result.seconds, 3), "peak_rss_mb": round(result.peak_rss_mb, 1)}


def _versions(libraries: tuple[str, ...]) -> dict[str, str]:
    return {name: version(name) for name in libraries}


def _source_digest(*paths: Path) -> str:
    """sha256 over Python files: those given, and those in the directories given."""
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.glob("*.py")))]
    return digest_of({file.name: file_digest(file) for file in files})
