"""The main flow: case -> pairs -> trained artefact -> embeddings -> metrics -> verdicts against the baseline.

Each step is a function of the one before and finds its result in the store if it was made already.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import (
    audit,
    baselines,
    checkpoints,
    encoding,
    evaluation,
    gates,
    metrics,
    operating,
    pairs,
    power,
    projection,
    statistics,
    training,
    uncertainty,
)
from harness.baselines import stored_scores
from harness.candidates import require_unchanged
from harness.case import BASE
from harness.checkpoints import PROBE_TEXTS, Checkpoint
from harness.errors import BaselineError, CheckpointError, HarnessError
from harness.evaluation import evaluate, from_json, to_json
from harness.examination import examine
from harness.store import digest_of
from harness.workplace import source_digest, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.audit import Audit
    from harness.baselines import Baseline
    from harness.case import Case
    from harness.evaluation import Evaluation
    from harness.examination import Examination
    from harness.inputs import Inputs
    from harness.operating import OperatingPoint
    from harness.pairs import PairSet
    from harness.power import ModelPower
    from harness.statistics import Share
    from harness.store import Artefact
    from harness.uncertainty import Uncertainty
    from harness.workplace import Workplace


@dataclass(frozen=True)
class ModelRun:
    """One model of a case, measured.

    Attributes:
        name: The model.
        evaluation: Its metrics.
        embeddings: Key of its embeddings in the store.
        arrays: Embeddings by name: of each set of pairs (of `eval` alone where the recipe was changed), `probes`, and
            `unmerged_probes` of an adapter.
        training: Facts of the training stage; None for the base.
        encoding: Facts of the encoding stage.
        inputs: Stage -> everything that decided its result: recipe, digests, library versions.
    """

    name: str
    evaluation: Evaluation
    embeddings: str
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

    def model(self, name: str, **changes: Any) -> ModelRun:
        """One model, measured; its recipe changed as in `run_model`.

        Raises:
            HarnessError: A stage failed, or the candidate is not what it should be.
        """

        def measure() -> ModelRun:
            if self.inputs.arrived(name):
                self.examination().require_opened()
            return run_model(self.work, self.inputs, name, **changes)

        found: ModelRun = self._once(name + _in_brackets(changes), measure)
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

    def found() -> dict[str, Any]:
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
        return audit.to_json(audit.audit(audit.AuditData(train, evaluated, pieces, longest, uncounted)))

    return audit.from_json(work.computed("audit", decides, found))


def run_model(work: Workplace, inputs: Inputs, model: str, **changes: Any) -> ModelRun:
    """Trains (unless it is the base or a candidate), encodes and measures one model.

    Args:
        work: Store and progress.
        inputs: The prepared case.
        model: The base or a key of the case's models.
        **changes: Fields of the model's recipe, such as `seed=43`; what the case says anyway is no change.
    """
    here = model != BASE and inputs.candidate is None
    changes = {name: value for name, value in changes.items() if value != getattr(inputs.case.models[model], name)}
    trained = train_model(work, inputs, model, **changes) if here else None
    encoded = _encode(work, inputs, model, trained, changes)
    arrays = encoding.read_arrays(encoded.file(encoding.EMBEDDINGS))
    return ModelRun(
        name=model,
        evaluation=measure(work, encoded.key, arrays["eval"], inputs.eval),
        embeddings=encoded.key,
        arrays=arrays,
        training=trained.facts if trained else None,
        encoding=encoded.facts,
        inputs={"encode": encoded.inputs} | ({"train": trained.inputs} if trained else {}),
    )


def measure_uncertainty(work: Workplace, inputs: Inputs, run: ModelRun, baseline: Baseline | None) -> Uncertainty:
    """How sure a measured model's values are, and whether they changed since the baseline."""
    stored = stored_scores(baseline, inputs.origin, run.name)
    return _uncertainty(work, run.embeddings, run.evaluation, inputs.eval, stored, inputs.compared_categories)


def measure_more(work: Workplace, run: ModelRun, name: str, pair_set: PairSet) -> tuple[Evaluation, Uncertainty]:
    """A measured model's metrics on a further set of pairs, and how sure they are."""
    found = measure(work, run.embeddings, run.arrays[name], pair_set)
    return found, _uncertainty(work, run.embeddings, found, pair_set, None, ())


def measure_operating_point(work: Workplace, inputs: Inputs, run: ModelRun) -> OperatingPoint:
    """A measured model at a threshold that was chosen on the training pairs."""
    decides = {
        "source": source_digest(operating, statistics, metrics, evaluation),
        "embeddings": run.embeddings,
        "train_pairs": inputs.train.digest,
        "eval_pairs": inputs.eval.digest,
        "libraries": versions(evaluation.LIBRARIES),
    }

    def found() -> dict[str, Any]:
        known = encoding.pair_scores(run.arrays["train"], inputs.train.text_rows)
        return operating.to_json(operating.operate(known, inputs.train, np.array(run.evaluation.scores), inputs.eval))

    return operating.from_json(work.computed("operating", decides, found))


def measure_shares(work: Workplace, inputs: Inputs, run: ModelRun, of: ModelRun, base: ModelRun) -> dict[str, Share]:
    """What one model reaches of another one: metric -> share and gain recovered, with their intervals."""
    decides = {
        "source": source_digest(statistics, metrics, evaluation, uncertainty),
        "embeddings": [run.embeddings, of.embeddings, base.embeddings],
        "eval_pairs": inputs.eval.digest,
        "libraries": versions(evaluation.LIBRARIES),
    }

    def found() -> Any:
        mine, whole, untrained = (model.evaluation.scores for model in (run, of, base))
        return metrics.nan_to_null(
            {name: uncertainty.reached(mine, whole, untrained, inputs.eval, name) for name in metrics.METRICS}
        )

    def share(value: float | None, interval: list[Any], gain: float | None, gain_interval: list[Any]) -> Share:
        ends = (statistics.Interval(*map(metrics.null_to_nan, fields)) for fields in (interval, gain_interval))
        return statistics.Share(metrics.null_to_nan(value), next(ends), metrics.null_to_nan(gain), next(ends))

    return {name: share(*fields) for name, fields in work.computed("shares", decides, found).items()}


def measure_power(work: Workplace, inputs: Inputs, baseline: Baseline | None) -> dict[str, ModelPower]:
    """What the gate against the baseline sees of each trained model of a run; needs no model.

    Raises:
        BaselineError: Nothing is stored that could be compared with.
    """
    forgot = stored_scores(baseline, inputs.origin, BASE)

    def one(model: str) -> ModelPower:
        stored = gates.stored_model(baseline, inputs.origin, model)
        scores = stored_scores(baseline, inputs.origin, model)
        if isinstance(stored, str) or scores is None or forgot is None:
            why = stored if isinstance(stored, str) else "the scores of the base are not stored"
            raise BaselineError(f"{inputs.case.name}: not comparable: {why}")
        decides = {
            "source": source_digest(statistics, power, uncertainty, metrics, gates, baselines),
            "stored": digest_of([stored.model_dump(include={"metrics", "categories"}), scores, forgot]),
            "eval_pairs": inputs.eval.digest,
            "libraries": versions(evaluation.LIBRARIES),
        }

        def found() -> dict[str, Any]:
            return power.to_json(power.measure(stored, np.array(scores), np.array(forgot), inputs.eval))

        return power.from_json(work.computed("power", decides, found))

    return {model: one(model) for model in inputs.trained}


def train_model(work: Workplace, inputs: Inputs, model: str, **changes: Any) -> Artefact:
    """The trained artefact of one model, its recipe changed as in `run_model`."""
    recipe = inputs.case.models[model].model_copy(update=changes)
    decides = {
        "schema": training.SCHEMA,
        "recipe": recipe.model_dump(mode="json"),
        "base": inputs.base.digest,
        "train_pairs": inputs.train.digest,
        "eval_pairs": inputs.eval.digest,  # the training curve is measured on them
        "libraries": versions(training.LIBRARIES),
    }
    title = _title("train", inputs, model, changes)

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
    arrived = inputs.arrived(model)
    if arrived is not None:
        return Checkpoint(arrived.strategy, inputs.base, arrived.path)
    return Checkpoint("base", inputs.base, inputs.base.path)


def measure(
    work: Workplace, key: str, embeddings: NDArray[Any], pair_set: PairSet, *, without: tuple[int, ...] = ()
) -> Evaluation:
    """A model's metrics on a set of pairs.

    Args:
        work: Store and progress.
        key: Identifies the model's embeddings.
        embeddings: One row for each of the pairs' texts.
        pair_set: The pairs.
        without: Rows of the pairs to leave out.
    """
    decides = {
        "source": source_digest(metrics, evaluation),
        "embeddings": key,
        "pairs": pair_set.digest,
        "without": without,
        "libraries": versions(evaluation.LIBRARIES),
    }
    return from_json(
        work.computed("evaluation", decides, lambda: to_json(evaluate(embeddings, pair_set, without=without)))
    )


def project(work: Workplace, inputs: Inputs, runs: Mapping[str, ModelRun]) -> dict[str, NDArray[Any]]:
    """UMAP planes of the pairs, model -> array of shape `(n_pairs, 2)`: pictures, never gates."""
    means = {name: projection.pair_means(run.arrays["eval"], inputs.eval.text_rows) for name, run in runs.items()}
    decides = {
        "schema": projection.SCHEMA,
        "points": {name: hashlib.sha256(points.tobytes()).hexdigest() for name, points in means.items()},
        "libraries": versions(projection.LIBRARIES),
    }
    title = f"project {inputs.case.name}"
    planes = work.store.make("projection", decides, lambda out: work.stage(title, projection.project, means, out))
    return encoding.read_arrays(planes.file(projection.PLANES))


def _uncertainty(
    work: Workplace,
    key: str,
    evaluated: Evaluation,
    pair_set: PairSet,
    stored: Sequence[float] | None,
    categories: tuple[str, ...],
) -> Uncertainty:
    decides = {
        "source": source_digest(statistics, uncertainty, metrics, evaluation),
        "embeddings": key,
        "eval_pairs": pair_set.digest,
        "stored": None if stored is None else digest_of(stored),
        "categories": list(categories),
        "libraries": versions(evaluation.LIBRARIES),
    }

    def found() -> dict[str, Any]:
        before = None if stored is None else np.array(stored)
        return uncertainty.to_json(uncertainty.measure(evaluated, pair_set, before, categories))

    return uncertainty.from_json(work.computed("uncertainty", decides, found))


def _encode(
    work: Workplace, inputs: Inputs, model: str, trained: Artefact | None, changes: Mapping[str, Any]
) -> Artefact:
    opened = checkpoint(inputs, model, trained)
    # A training that only varies the case's is held against the case's own on the evaluation pairs, and on no others.
    sets = {"eval": inputs.eval} if changes else inputs.pair_sets
    texts = {name: pair_set.texts for name, pair_set in sets.items()}
    arrived = inputs.arrived(model)
    if trained is not None:
        identity = digest_of([trained.key, trained.files])
    elif arrived is not None:
        identity = digest_of([arrived.strategy, arrived.digest, inputs.base.digest])
    else:
        identity = inputs.base.digest
    decides = {
        "source": source_digest(checkpoints, encoding),
        "model": identity,
        "texts": digest_of(texts),
        "probes": digest_of(PROBE_TEXTS),
        "libraries": versions(encoding.LIBRARIES),
    }
    title = _title("encode", inputs, model, changes)

    def build(out: Path) -> dict[str, Any]:
        facts = work.stage(title, encoding.encode, opened, texts, out)
        if arrived is not None:
            require_unchanged(arrived)
        return facts

    return work.store.make("embeddings", decides, build)


def _file_names(inputs: Inputs) -> tuple[str, str]:
    """What the two files of pairs are called; with their directories where they are called the same."""
    train, evaluated = inputs.train.path, inputs.eval.path
    if train.name != evaluated.name:
        return train.name, evaluated.name
    return f"{train.parent.name}/{train.name}", f"{evaluated.parent.name}/{evaluated.name}"


def _title(stage: str, inputs: Inputs, model: str, changes: Mapping[str, Any]) -> str:
    return f"{stage} {inputs.case.name}-{model}{_in_brackets(changes)}"


def _in_brackets(changes: Mapping[str, Any]) -> str:
    changed = ", ".join(f"{name} {value}" for name, value in changes.items())
    return f" ({changed})" if changed else ""
