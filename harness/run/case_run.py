"""A case being run: data -> trained model -> embeddings -> metrics -> analyses, each when it is first asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.analyses import (
    AUDIT,
    EVALUATE,
    RELATIVE,
    RERANK,
    RETRIEVE,
    TEXTS,
    UNCERTAINTY,
    Uncertainty,
)
from harness.baselines import ComparableBaseline
from harness.config import BASE
from harness.data import PairSet
from harness.data.audit import Audit
from harness.errors import DataError
from harness.execution import Artefact, Context, Cost, Step
from harness.metrics import Evaluation
from harness.metrics.retrieval import RetrievalResult
from harness.models import ENCODERS, Checkpoint, Embeddings, EncodingFacts, ModelSource
from harness.run.inputs import Inputs
from harness.run.latency import measure_in_turns
from harness.run.learned import learned_pairs, teacher_scores
from harness.statistics import (
    Change,
    Interval,
    RegressedPair,
    RelativePerformance,
    Rerank,
    RetrievalChange,
    retrieval_change,
)
from harness.training import TRAIN, EpochPoint, TrainingFacts
from harness.verification import Candidate, Verification, verify

T = TypeVar("T")
Seconds = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True)
class CaseRun:
    """The evidence of every gate (see `harness.gates.Evidence`), and what the report shows beside it.

    `changes` are fields of a model's recipe, such as `seed=43`. Every method raises a HarnessError where a step fails.

    Attributes:
        ctx: Store, executor and progress.
        inputs: The prepared case.
        stored: What the baseline holds, as far as it can be compared with this run.
    """

    ctx: Context
    inputs: Inputs
    stored: ComparableBaseline
    _once: dict[str, Any] = field(default_factory=dict, repr=False)

    def audit(self) -> Audit:
        """Check the pairs; a DataError where the case names none to train on."""
        if self.inputs.train is None:
            raise DataError(f"{self.inputs.case.path}: data.train: not named, so there is nothing to audit by")
        data, prefixes = self.inputs, tuple(self.inputs.case.data.prefixes)
        return self.ctx.run(
            AUDIT,
            train=data.train,
            evaluation=data.eval,
            names=data.file_names,
            prefixes=prefixes,
            base=data.base,
            sides=data.sides,
        )

    def verification(self, model: str) -> Verification:
        """Check that a candidate, or a model that the case names by its directory, is what it claims."""
        title = self.title("verify", model)
        if title not in self._once:
            candidate, sides = self.inputs.candidates[model], self.inputs.sides_of(model)
            self._once[title] = verify(self.ctx, candidate, self.inputs.base, title, sides)
        found: Verification = self._once[title]
        return found

    def training(self, model: str, **changes: Any) -> Artefact[TrainingFacts] | None:
        """Train a model; None for one that is not trained here."""
        data = self.inputs
        if model not in data.case.recipes or data.candidate is not None:
            return None
        recipe = data.case.recipes[model].changed(**changes)
        title = self.title("train", model, **changes)
        return self.ctx.artefact(
            TRAIN,
            title=title,
            recipe=recipe,
            base=data.base,
            train_pairs=data.train,
            learned_pairs=learned_pairs(self.ctx, data, model, recipe),
            dev_pairs=data.dev,
            sides=data.sides,
            device=self.ctx.device,
        )

    def source(self, model: str, **changes: Any) -> ModelSource:
        """Return what encodes as a model: what was trained here, or comes from elsewhere and was verified."""
        base = self.inputs.base
        if model == BASE:
            return Checkpoint.of_base(base)
        if (trained := self.training(model, **changes)) is not None:
            return Checkpoint.of_trained(self.inputs.trained[model], base, trained)
        found = self.inputs.candidates.get(model) or self.inputs.sources[model]
        if not isinstance(found, Candidate):
            return found
        self.verification(model).require_opened()
        return found.checkpoint(base)

    def encoding(self, model: str, **changes: Any) -> Artefact[EncodingFacts]:
        """Encode the texts of every set of pairs; under a changed recipe those of the evaluation pairs alone."""
        # What the recipe says anyway is no change.
        changes = {key: to for key, to in changes.items() if to != getattr(self.inputs.case.models[model], key, to)}
        sets = {"eval": self.inputs.eval} if changes else self.inputs.pair_sets
        sides, retrieval = self.inputs.sides_of(model), self.inputs.retrieval
        searched = {} if retrieval is None or changes else {TEXTS: retrieval.texts(sides)}
        return self.encode(model, {**{name: sides.texts(pairs) for name, pairs in sets.items()}, **searched}, **changes)

    def encode(
        self, model: str, texts: Mapping[str, Sequence[Sequence[str]]], **changes: Any
    ) -> Artefact[EncodingFacts]:
        """Encode sets of texts, each as its texts of each distinct side."""
        source = self.source(model, **changes)
        return self.ctx.artefact(
            ENCODERS[type(source)],
            title=self.title("encode", model, **changes),
            source=source,
            texts=texts,
            sides=self.inputs.sides_of(model),
            **({"device": self.ctx.device} if isinstance(source, Checkpoint) else {}),  # others have their own
        )

    def embeddings(self, model: str) -> Mapping[str, NDArray[np.float32]]:
        """Read a model's embeddings: each set of pairs, `probes`, and of an adapter `unmerged_probes` -> array."""
        return self._embeddings(model).arrays

    def evaluation(
        self,
        model: str,
        *,
        pairs: str = "eval",
        without: tuple[int, ...] = (),
        width: int | None = None,
        **changes: Any,
    ) -> Evaluation:
        """Compute every metric of a model on pairs, leaving out the rows `without`, at a `width` or the full one."""
        embeddings, chosen = self._embeddings(model, **changes), self.inputs.pair_sets[pairs]
        return self.ctx.run(
            EVALUATE,
            embeddings=embeddings,
            texts=pairs,
            pairs=chosen,
            sides=self.inputs.sides_of(model),
            without=without,
            width=width,
        )

    def uncertainty(self, model: str, *, pairs: str = "eval") -> Uncertainty:
        """Compute the intervals of a model's values and, on the evaluation pairs, its changes since the baseline."""
        compared = pairs == "eval"
        return self.ctx.run(
            UNCERTAINTY,
            evaluation=self.evaluation(model, pairs=pairs),
            pairs=self.inputs.pair_sets[pairs],
            stored=self.stored.scores(model) if compared else None,
            categories=self.inputs.compared_categories if compared else (),
        )

    def intervals(self, evaluation: Evaluation) -> Mapping[str, Interval]:
        """Compute the intervals of values on the evaluation pairs, such as those of a changed recipe."""
        pairs = self.inputs.eval
        return self.ctx.run(UNCERTAINTY, evaluation=evaluation, pairs=pairs, stored=None, categories=()).intervals

    def change(self, model: str, metric: str, category: str = "") -> Change | None:
        """Return the change of a metric since the baseline; None where the stored scores cannot be compared."""
        return self.uncertainty(model).changes.get(category, {}).get(metric)

    def regressed(self, model: str, category: str = "") -> Sequence[RegressedPair]:
        """Return the pairs that the stored model had right and this one has wrong, worst first."""
        return [pair for pair in self.uncertainty(model).regressed if category in ("", pair.category)]

    def relative_performance(self, model: str, reference: str, metric: str, **changes: Any) -> RelativePerformance:
        """Compare a model with another one; with the stored one, where this run does not measure it."""
        values: list[float] = []
        scores: list[tuple[float, ...] | None] = []
        for name, varied in ((model, changes), (reference, {}), (BASE, {})):
            if name in self.inputs.models:
                evaluation = self.evaluation(name, **varied)
                values.append(evaluation.metrics[metric].value)
                scores.append(evaluation.scores)
            else:
                values.append(self.stored.result(name, metric).value)
                scores.append(self.stored.scores(name))
        return self.ctx.run(
            RELATIVE,
            values=tuple(values),
            scores=None if None in scores else tuple(scores),
            pairs=self.inputs.eval,
            metric=metric,
            reference=reference,
        )

    def truncated(self, model: str, width: int, metric: str) -> RelativePerformance:
        """Compare a model whose embeddings are cut to a width with itself at full width."""
        found = (self.evaluation(model, width=width), self.evaluation(model), self.evaluation(BASE))
        return self._relative(found, self.inputs.eval, metric, f"{model} at full width")

    def at_rank(self, model: str, rank: int, metric: str) -> RelativePerformance:
        """Compare an adapter with itself at another rank, where its scale alpha / rank is the same."""
        found = (self.evaluation(model), self.evaluation(model, **self.at(model, rank)), self.evaluation(BASE))
        return self._relative(found, self.inputs.eval, metric, f"rank {rank}")

    def at(self, model: str, rank: int) -> dict[str, Any]:
        """Return the changes of an adapter's recipe that give it another rank."""
        lora = self.inputs.case.recipes[model].lora
        if lora is None:
            raise ValueError(f"{model} is no adapter")
        return {"lora": {"rank": rank, "alpha": max(1, round(lora.alpha * rank / lora.rank))}}

    def kept(self, model: str, pairs: str, metric: str) -> RelativePerformance:
        """Compare a model with the base on an extra evaluation set."""
        base = self.evaluation(BASE, pairs=pairs)
        found = (self.evaluation(model, pairs=pairs), base, base)
        return self._relative(found, self.inputs.pair_sets[pairs], metric, "the base")

    def retrieval(self, model: str, *, width: int | None = None) -> RetrievalResult:
        """Search the case's documents with a model, its embeddings at a width or the full one."""
        embeddings = self._embeddings(model)
        return self.ctx.run(RETRIEVE, embeddings=embeddings, retrieval=self.inputs.retrieval, width=width)

    def retrieval_change(self, model: str, metric: str) -> RetrievalChange:
        """Compare a model's retrieval with the base's, query by query."""
        return retrieval_change(self.retrieval(model), self.retrieval(BASE), metric)

    def rerank(self, model: str) -> Rerank:
        """Compare the decisions of a model with those that the case's second stage makes of them."""
        data, spec = self.inputs, self.inputs.case.rerank
        if spec is None or data.dev is None:
            raise ValueError("the case has no second stage")
        dev, evaluated = (teacher_scores(self.ctx, data, spec.teacher, pairs) for pairs in (data.dev, data.eval))
        return self.ctx.run(
            RERANK,
            embeddings=self._embeddings(model),
            dev_pairs=data.dev,
            eval_pairs=data.eval,
            dev_teacher=dev.scores,
            eval_teacher=evaluated.scores,
            share=spec.band,
            sides=data.sides_of(model),
        )

    def curve(self, model: str) -> Sequence[EpochPoint]:
        """Return the training curve of a model that is trained here."""
        trained = self.training(model)
        return () if trained is None else trained.value.curve

    def _relative(
        self, found: Sequence[Evaluation], pairs: PairSet, metric: str, reference: str
    ) -> RelativePerformance:
        return self.ctx.run(
            RELATIVE,
            values=tuple(evaluation.metrics[metric].value for evaluation in found),
            scores=tuple(evaluation.scores for evaluation in found),
            pairs=pairs,
            metric=metric,
            reference=reference,
        )

    def analysis(self, step: Step[T], model: str) -> T | None:
        """Run an analysis of a model on what its parameters name; None where the baseline has not all of it."""
        data, stored = self.inputs, self.stored
        available: Mapping[str, Callable[[], Any]] = {
            "embeddings": lambda: self._embeddings(model),
            "threshold_pairs": lambda: data.threshold_pairs or None,
            "eval_pairs": lambda: data.eval,
            "sides": lambda: data.sides_of(model),
            "stored": lambda: stored.retrained(model),
            "stored_scores": lambda: stored.scores(model),
            "stored_base_scores": lambda: stored.scores(BASE),
        }
        arguments = {name: available[name]() for name in signature(step.run).parameters}
        return None if any(value is None for value in arguments.values()) else self.ctx.run(step, **arguments)

    def cost(self, model: str, stage: str) -> Cost:
        """Return seconds and peak memory of a stage, `train` or `encode`."""
        artefact = self.encoding(model) if stage == "encode" else self.training(model)
        if artefact is None:
            raise ValueError(f"{model} is not trained in this run")
        return artefact.cost

    def latency(self, model: str) -> Mapping[int, Seconds]:
        """Measure the seconds a call of a model and of the base, in turns, once: batch size -> both."""
        title = self.title("latency", model)
        if title not in self._once:
            self._once[title] = measure_in_turns(self, (model, BASE))
        found: Mapping[int, Seconds] = self._once[title]
        return found

    def _embeddings(self, model: str, **changes: Any) -> Embeddings:
        encoded = self.encoding(model, **changes)
        found: Embeddings = self._once.setdefault(encoded.key, Embeddings(encoded))  # its files are read once
        return found

    def title(self, stage: str, model: str, **changes: Any) -> str:
        """Return the title of a step about a model, as in progress and errors: `train dating-lora (seed 43)`."""
        words = changes | changes.get("lora", {})
        changed = ", ".join(f"{name} {value}" for name, value in words.items() if name != "lora")
        return f"{stage} {self.inputs.case.name}-{model}" + (f" ({changed})" if changed else "")
