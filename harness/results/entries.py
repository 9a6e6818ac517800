"""The parts of a `results.json`, as `harness.results.model` puts them together."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from harness.analyses import ANALYSES
from harness.baselines import ToleranceSource
from harness.data.audit import Finding
from harness.execution import Cost, ResultsOf, Step
from harness.gates import Outcome
from harness.metrics import METRICS, GroupResult, Number
from harness.models import EncodingFacts
from harness.statistics import Change, Interval, RegressedPair, RelativePerformance, Rerank, RetrievalChange
from harness.training import EpochPoint, TrainingFacts

T = TypeVar("T")


def known(key: str, table: Mapping[str, Any] = METRICS) -> str:
    """Return a key of a table; raise a ValueError where it is none."""
    if key not in table:
        raise ValueError(f"{key}: expected one of {', '.join(table)}: another version of the harness made it")
    return key


MetricKey = Annotated[str, AfterValidator(lambda key: known(key))]
"""A key of `METRICS`."""


class Part(BaseModel):
    """What a `results.json` is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class MetricEntry(Part):
    """One metric of one model.

    Attributes:
        value: The metric; null where undefined.
        reason: Why it is undefined, else empty.
        details: What belongs to the value.
        interval: Its 95 % bootstrap interval; null where there is none.
        stored: The baseline's value; null where none is comparable.
        tolerance: How much worse than stored is noise: the stored one, or where none is comparable the case's floor.
        change: Since the stored scores, pair by pair; null where they cannot be compared.
        outcome: Of the gate that compares it with the baseline; null where it did not run.
    """

    value: Number
    reason: str = ""
    details: dict[str, Any] = {}
    interval: Interval | None = None
    stored: float | None = None
    tolerance: float = 0.0
    change: Change | None = None
    outcome: Outcome | None = None


class ModelEntry(Part):
    """One model.

    Attributes:
        strategy: `base`, `full`, `lora`, `encoder` or `endpoint`.
        tolerance_from: Source of its tolerances, as in the baseline: `seeds`, `bootstrap` or `case`.
        recipe: Key of the case's recipe -> its value; empty for a model that was not trained in this run.
        metrics: Key of `METRICS` -> entry.
        categories: Category -> its metrics.
        pair_types: Pair type -> its metrics.
        regressed: Pairs that the stored model had right and this one has wrong, worst first.
        fixed: Rows of the pairs that the stored model had wrong and this one has right.
        without_leakage: Key of `METRICS` -> value without the pairs that are in train; empty where none is.
        analyses: Name of a step of `ANALYSES` -> its result; without those that the baseline does not allow.
        training: What the training found out; null for a model that was not trained in this run.
        encoding: What encoding found out.
        costs: Stage -> seconds and peak memory.
    """

    strategy: str
    tolerance_from: ToleranceSource = "seeds"
    recipe: dict[str, Any] = {}
    metrics: dict[MetricKey, MetricEntry]
    categories: dict[str, GroupResult]
    pair_types: dict[str, GroupResult]
    regressed: tuple[RegressedPair, ...] = ()
    fixed: tuple[int, ...] = ()
    without_leakage: dict[MetricKey, Number] = {}
    analyses: Annotated[Mapping[str, Any], ResultsOf(ANALYSES)] = {}
    training: TrainingFacts | None = None
    encoding: EncodingFacts
    costs: dict[str, Cost]

    def analysis(self, step: Step[T]) -> T | None:
        """Return an analysis of this model; None where there is none."""
        return self.analyses.get(step.name)


class RelativeEntry(Part):
    """A model's performance relative to another one, in one metric.

    Attributes:
        model: The model.
        reference: The model that it is held against.
        metric: A key of `METRICS`.
        value: The ratio of both values, and the part of the reference's gain over the base that is recovered.
        at_least: What the case expects; null where it is not gated.
        outcome: Of its gate; null where it did not run.
    """

    model: str
    reference: str
    metric: MetricKey
    value: RelativePerformance
    at_least: float | None = None
    outcome: Outcome | None = None


class CheckEntry(Part):
    """One check of the data.

    Attributes:
        finding: Value and examples.
        limit: Greatest value that the case allows.
        outcome: Of its gate; null where it did not run.
    """

    finding: Finding
    limit: float
    outcome: Outcome | None = None


class AuditEntry(Part):
    """The audit of the data.

    Attributes:
        checks: Key of `CHECKS` -> what it found.
        leaked: Number of evaluation pairs that are in the training data, exactly or nearly.
    """

    checks: dict[str, CheckEntry]
    leaked: int


class ExtraMetric(Part):
    """One metric of one model on an extra evaluation set.

    Attributes:
        value: The metric; null where undefined.
        reason: Why it, or its interval, is undefined; else empty.
        interval: Its 95 % bootstrap interval; null where there is none.
    """

    value: Number
    reason: str = ""
    interval: Interval | None = None


class ExtraSet(Part):
    """An extra evaluation set: shown, not gated.

    Attributes:
        pairs: Number of its pairs.
        negatives: How many of them have label 0.
        in_train: Number of its distinct pairs that are in the training data; null where the case names none.
        models: Model -> key of `METRICS` -> its value on these pairs.
    """

    pairs: int
    negatives: int
    in_train: int | None
    models: dict[str, dict[MetricKey, ExtraMetric]]


class LearningRatePoint(Part):
    """The checked model, trained at one learning rate.

    Attributes:
        learning_rate: The rate.
        value: The checked metric; null where undefined.
        relative: Held against the fully trained model.
        curve: Each epoch of the training.
    """

    learning_rate: float
    value: Number
    relative: RelativePerformance
    curve: tuple[EpochPoint, ...]


class LearningRateEntry(Part):
    """The checked model, trained at several learning rates.

    Attributes:
        model: The checked model.
        reference: The model whose gain over the base it is held against.
        metric: A key of `METRICS`.
        reference_rate: Learning rate of the reference.
        own_rate: Learning rate of the checked model's own recipe.
        points: Ascending in the learning rate; a rate whose training failed is missing.
    """

    model: str
    reference: str
    metric: MetricKey
    reference_rate: float
    own_rate: float
    points: tuple[LearningRatePoint, ...]


class RetrievalValue(Part):
    """A retrieval metric of one model.

    Attributes:
        value: Mean over the queries.
        interval: Its 95 % bootstrap interval over the queries; null where there is none.
    """

    value: Number
    interval: Interval | None = None


class StrategyEntry(Part):
    """One model on the case's retrieval set.

    Attributes:
        metrics: Metric, as ir-measures names it -> its value.
        change: nDCG@10 beside the base's; null for the base, and where the base was not measured.
        widths: Dimensions that the embeddings are cut to -> nDCG@10 there.
        kept: The model beside the base on the case's general pairs; null where it names none.
        keeps_at_least: The least part that the case lets a model keep of them (`[gates.forgetting] at_least`).
    """

    metrics: dict[str, RetrievalValue]
    change: RetrievalChange | None = None
    widths: dict[str, Number] = {}
    kept: RelativePerformance | None = None
    keeps_at_least: Number = 0.95


class RankPoint(Part):
    """An adapter at one rank.

    Attributes:
        rank: The rank.
        value: The compared metric; null where undefined.
        interval: Its 95 % interval over the evaluation pairs; null where there is none.
        trainable: Number of parameters that are trained.
    """

    rank: int
    value: Number
    interval: Interval | None = None
    trainable: int


class RankEntry(Part):
    """An adapter at several ranks.

    Attributes:
        model: The adapter.
        metric: A key of `METRICS`.
        own: Its own rank.
        points: Ascending in the rank; one whose training failed is missing.
    """

    model: str
    metric: MetricKey
    own: int
    points: tuple[RankPoint, ...]


class RerankEntry(Part):
    """A model with the case's second stage.

    Attributes:
        teacher: The cross-encoder that rescores.
        share: Share of the dev pairs that is uncertain, as the case states it.
        value: The decisions of the model alone, and of both stages.
        model_ms: Milliseconds in which the model encodes two texts.
        teacher_ms: Milliseconds in which the cross-encoder scores a pair.
    """

    teacher: str
    share: float
    value: Rerank
    model_ms: Number
    teacher_ms: Number


class CandidateEntry(Part):
    """The model that a run with `-m gate` is about.

    Attributes:
        model: The case's model whose place it takes.
        strategy: `lora` is an adapter, `full` a whole model.
        path: Its directory.
        sha256: Over the names and digests of all its files.
    """

    model: str
    strategy: str
    path: str
    sha256: str
