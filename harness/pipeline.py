"""The main flow: case -> pairs -> trained artefact -> embeddings -> metrics -> verdicts against the baseline.

Each step is a function of the one before and finds its result in the store if it was made already.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import (
    audit,
    checkpoints,
    encoding,
    evaluation,
    metrics,
    pairs,
    projection,
    statistics,
    training,
    uncertainty,
)
from harness.baselines import stored_scores
from harness.candidates import require_unchanged
from harness.case import BASE
from harness.checkpoints import PROBE_TEXTS, Checkpoint
from harness.errors import CheckpointError, HarnessError
from harness.evaluation import evaluate, from_json, to_json
from harness.examination import examine
from harness.store import digest_of
from harness.workplace import source_digest, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.audit import Audit
    from harness.baselines import Baseline
    from harness.case import Case
    from harness.evaluation import Evaluation
    from harness.examination import Examination
    from harness.inputs import Inputs
    from harness.store import Artefact
    from harness.uncertainty import Uncertainty
    from harness.workplace import Workplace


@dataclass(frozen=True)
class ModelRun:
    """One model of a case, measured.

    Attributes:
        name: The model.
        evaluation: Its metrics.
        digest: Identifies what was measured: pairs, embeddings, code.
        arrays: Embeddings by name: `texts`, `probes` and, for an adapter, `unmerged_probes`.
        training: Facts of the training stage; None for the base.
        encoding: Facts of the encoding stage.
        inputs: Stage -> everything that decided its result: recipe, digests, library versions.
    """

    name: str
    evaluation: Evaluation
    digest: str
    arrays: Mapping[str, NDArray[Any]]
    training: Mapping[str, Any] | None
    encoding: Mapping[str, Any]
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class CaseRun:
    """A case being run: each model is measured when it is first asked for, a candidate after it was examined.

    Attributes:
        work: Store and progress.
        inputs: The prepared case.
        baseline: What is stored for the case; None where nothing is.
    """

    work: Workplace
    inputs: Inputs
    baseline: Baseline | None
    _done: dict[str, Any] = field(default_factory=dict)
    # Not handed on by `replace`: it depends on the baseline.
    _uncertain: dict[str, Uncertainty] = field(default_factory=dict, init=False)

    @property
    def case(self) -> Case:
        """The case."""
        return self.inputs.case

    @property
    def failures(self) -> dict[str, str]:
        """Model -> why it cannot be measured, for those that were asked for."""
        done = {name: self._done.get(name) for name in self.inputs.models}
        return {name: str(error) for name, error in done.items() if isinstance(error, HarnessError)}

    def model(self, name: str) -> ModelRun:
        """One model, measured.

        Raises:
            HarnessError: A stage failed, or the candidate is not what it should be.
        """

        def measure() -> ModelRun:
            if self.inputs.candidate is not None and name != BASE:
                self.examination().require_opened()
            return run_model(self.work, self.inputs, name)

        found: ModelRun = self._once(name, measure)
        return found

    def uncertainty(self, name: str) -> Uncertainty:
        """How sure one model's values are.

        Raises:
            HarnessError: The model cannot be measured.
        """
        if name not in self._uncertain:
            self._uncertain[name] = measure_uncertainty(self.work, self.inputs, self.model(name), self.baseline)
        return self._uncertain[name]

    def audit(self) -> Audit:
        """The case's data, audited.

        Raises:
            HarnessError: The store is damaged.
        """
        title = f"audit {self.case.name}"  # no model has a space in its name
        found: Audit = self._once(title, lambda: audit_data(self.work, self.inputs))
        return found

    def examination(self) -> Examination:
        """The candidate, examined.

        Raises:
            HarnessError: A stage failed.
            ValueError: The run has no candidate.
        """
        candidate = self.inputs.candidate
        if candidate is None:
            raise ValueError("no candidate in this run")
        title = f"examine {self.case.name}-{candidate.model}"
        found: Examination = self._once(title, lambda: examine(self.work, title, candidate, self.inputs.base))
        return found

    def _once(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self._done:
            try:
                self._done[key] = make()
            except HarnessError as error:
                self._done[key] = error  # everyone who asks is told; nobody waits for the same failure twice
        found = self._done[key]
        if isinstance(found, HarnessError):
            raise found
        return found


def audit_data(work: Workplace, inputs: Inputs) -> Audit:
    """What the checks find in the pairs of a case."""
    names = _file_names(inputs)
    prefixes = tuple(inputs.case.data.prefixes)
    decides = {
        "source": source_digest(audit, checkpoints, metrics, pairs),
        "names": names,  # they stand in the examples
        "train_pairs": inputs.train.digest,
        "eval_pairs": inputs.eval.digest,
        "prefixes": prefixes,
        "base": inputs.base.digest,
        "libraries": versions((*audit.LIBRARIES, "tokenizers")),
    }

    def build(out: Path) -> dict[str, Any]:
        texts = tuple(dict.fromkeys((*inputs.train.texts, *inputs.eval.texts)))
        pieces: dict[str, int] = {}
        longest, uncounted = None, ""
        try:
            longest = checkpoints.max_length(inputs.base)
            pieces = dict(zip(texts, checkpoints.count_word_pieces(inputs.base, texts), strict=True))
        except CheckpointError as error:  # all other checks can do without
            uncounted = str(error)
        train, evaluated = (
            audit.PairFile(name, pair_set, prefixes)
            for name, pair_set in zip(names, (inputs.train, inputs.eval), strict=True)
        )
        found = audit.audit(audit.AuditData(train, evaluated, pieces, longest, uncounted))
        (out / "audit.json").write_text(json.dumps(audit.to_json(found)), encoding="utf-8")
        return {}

    return audit.from_json(work.store.make("audit", decides, build).read_json("audit.json"))


def run_model(work: Workplace, inputs: Inputs, model: str, *, seed: int | None = None) -> ModelRun:
    """Trains (unless it is the base or a candidate), encodes and measures one model.

    Args:
        work: Store and progress.
        inputs: The prepared case.
        model: The base or a key of the case's models.
        seed: Trains with this seed instead of the recipe's.
    """
    here = model != BASE and inputs.candidate is None
    trained = train_model(work, inputs, model, seed=seed) if here else None
    encoded = _encode(work, inputs, model, trained, seed=seed)
    measured = _evaluate(work, inputs, encoded)
    return ModelRun(
        name=model,
        evaluation=from_json(measured.read_json("evaluation.json")),
        digest=measured.key,
        arrays=encoding.read_arrays(encoded.file(encoding.EMBEDDINGS)),
        training=trained.facts if trained else None,
        encoding=encoded.facts,
        inputs={"encode": encoded.inputs} | ({"train": trained.inputs} if trained else {}),
    )


def measure_uncertainty(work: Workplace, inputs: Inputs, run: ModelRun, baseline: Baseline | None) -> Uncertainty:
    """How sure a measured model's values are, and whether they changed since the baseline."""
    stored = stored_scores(baseline, inputs.origin, run.name)
    decides = {
        "source": source_digest(statistics, uncertainty, metrics),
        "evaluation": run.digest,
        "eval_pairs": inputs.eval.digest,
        "stored": None if stored is None else digest_of(stored),
        "categories": list(inputs.compared_categories),
        "libraries": versions(evaluation.LIBRARIES),
    }

    def build(out: Path) -> dict[str, Any]:
        before = None if stored is None else np.array(stored)
        result = uncertainty.measure(run.evaluation, inputs.eval, before, inputs.compared_categories)
        (out / "uncertainty.json").write_text(json.dumps(uncertainty.to_json(result)), encoding="utf-8")
        return {}

    made = work.store.make("uncertainty", decides, build)
    return uncertainty.from_json(made.read_json("uncertainty.json"))


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
        "libraries": versions(training.LIBRARIES),
    }
    title = _title("train", inputs, model, seed)

    def build(out: Path) -> dict[str, Any]:
        return work.stage(title, training.train, recipe, inputs.base, inputs.train, inputs.eval, out)

    return work.store.make("model", decides, build)


def checkpoint(inputs: Inputs, model: str, trained: Artefact | None) -> Checkpoint:
    """What to open for a model, with every file of a trained one verified.

    Args:
        inputs: The prepared case.
        model: The model.
        trained: What was trained here; None for the base and for a candidate.
    """
    if trained is not None:
        return Checkpoint(inputs.trained[model], inputs.base, trained.verified())
    if model == BASE or inputs.candidate is None:
        return Checkpoint("base", inputs.base, inputs.base.path)
    return Checkpoint(inputs.candidate.strategy, inputs.base, inputs.candidate.path)


def evaluate_leak_free(work: Workplace, inputs: Inputs, run: ModelRun, leaked: tuple[int, ...]) -> Evaluation:
    """A model measured again, on the pairs that are not in train, nor nearly so.

    Args:
        work: Store and progress.
        inputs: The prepared case.
        run: The model, measured.
        leaked: Rows of the other pairs.
    """
    decides = {
        "source": source_digest(metrics, evaluation),
        "encode": run.inputs["encode"],
        "eval_pairs": inputs.eval.digest,
        "without": leaked,
        "libraries": versions(evaluation.LIBRARIES),
    }

    def build(out: Path) -> dict[str, Any]:
        result = evaluate(run.arrays["texts"], inputs.eval, without=leaked)
        (out / "evaluation.json").write_text(json.dumps(to_json(result)), encoding="utf-8")
        return {}

    return from_json(work.store.make("leak_free", decides, build).read_json("evaluation.json"))


def project(work: Workplace, inputs: Inputs, runs: Mapping[str, ModelRun]) -> dict[str, NDArray[Any]]:
    """UMAP planes of the pairs, model -> array of shape `(n_pairs, 2)`: pictures, never gates."""
    means = {name: projection.pair_means(run.arrays["texts"], inputs.eval.text_rows) for name, run in runs.items()}
    decides = {
        "schema": projection.SCHEMA,
        "points": {name: hashlib.sha256(points.tobytes()).hexdigest() for name, points in means.items()},
        "libraries": versions(projection.LIBRARIES),
    }
    title = f"project {inputs.case.name}"
    planes = work.store.make("projection", decides, lambda out: work.stage(title, projection.project, means, out))
    return encoding.read_arrays(planes.file(projection.PLANES))


def _encode(
    work: Workplace, inputs: Inputs, model: str, trained: Artefact | None, *, seed: int | None = None
) -> Artefact:
    opened = checkpoint(inputs, model, trained)
    texts = inputs.eval.texts
    if trained is not None:
        identity = digest_of([trained.key, trained.files])
    elif model != BASE and inputs.candidate is not None:
        identity = digest_of([inputs.candidate.strategy, inputs.candidate.digest, inputs.base.digest])
    else:
        identity = inputs.base.digest
    decides = {
        "source": source_digest(checkpoints, encoding),
        "model": identity,
        "texts": digest_of(texts),
        "probes": digest_of(PROBE_TEXTS),
        "libraries": versions(encoding.LIBRARIES),
    }
    title = _title("encode", inputs, model, seed)

    def build(out: Path) -> dict[str, Any]:
        facts = work.stage(title, encoding.encode, opened, texts, out)
        if model != BASE and inputs.candidate is not None:
            require_unchanged(inputs.candidate)
        return facts

    return work.store.make("embeddings", decides, build)


def _evaluate(work: Workplace, inputs: Inputs, encoded: Artefact) -> Artefact:
    decides = {
        "source": source_digest(metrics, evaluation),
        "embeddings": encoded.key,
        "eval_pairs": inputs.eval.digest,
        "libraries": versions(evaluation.LIBRARIES),
    }

    def build(out: Path) -> dict[str, Any]:
        result = evaluate(encoding.read_arrays(encoded.file(encoding.EMBEDDINGS))["texts"], inputs.eval)
        (out / "evaluation.json").write_text(json.dumps(to_json(result)), encoding="utf-8")
        return {}

    return work.store.make("evaluation", decides, build)


def _file_names(inputs: Inputs) -> tuple[str, str]:
    """What the two files of pairs are called; with their directories where they are called the same."""
    train, evaluated = inputs.train.path, inputs.eval.path
    if train.name != evaluated.name:
        return train.name, evaluated.name
    return f"{train.parent.name}/{train.name}", f"{evaluated.parent.name}/{evaluated.name}"


def _title(stage: str, inputs: Inputs, model: str, seed: int | None) -> str:
    return f"{stage} {inputs.case.name}-{model}" + ("" if seed is None else f" (seed {seed})")
