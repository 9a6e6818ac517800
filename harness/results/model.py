"""Everything measured, and every verdict: one pydantic model is the writer, the reader and the JSON Schema."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from harness.analyses import ANALYSES
from harness.baselines import Origin, ToleranceSource
from harness.data.audit import Finding
from harness.execution import Cost, ResultsOf, Step
from harness.gates import GATES, Outcome, Skipped, Verdict
from harness.metrics import METRICS, GroupResult, Number
from harness.models import EncodingFacts
from harness.results.words import case_words
from harness.statistics import Change, Interval, RegressedPair, RelativePerformance
from harness.training import EpochPoint, TrainingFacts

T = TypeVar("T")

SCHEMA: Literal[2] = 2
"""Raised when a key changes its meaning or goes."""


def _known(key: str, table: Mapping[str, Any] = METRICS) -> str:
    if key not in table:
        raise ValueError(f"{key}: expected one of {', '.join(table)}: another version of the harness made it")
    return key


def _known_gates(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    for verdict in verdicts:
        _known(verdict.gate, GATES)
    return verdicts


MetricKey = Annotated[str, AfterValidator(lambda key: _known(key))]
"""A key of `METRICS`."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class MetricEntry(_Part):
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


class ModelEntry(_Part):
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


class RelativeEntry(_Part):
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


class CheckEntry(_Part):
    """One check of the data.

    Attributes:
        finding: Value and examples.
        limit: Greatest value that the case allows.
        outcome: Of its gate; null where it did not run.
    """

    finding: Finding
    limit: float
    outcome: Outcome | None = None


class AuditEntry(_Part):
    """The audit of the data.

    Attributes:
        checks: Key of `CHECKS` -> what it found.
        leaked: Number of evaluation pairs that are in the training data, exactly or nearly.
    """

    checks: dict[str, CheckEntry]
    leaked: int


class ExtraMetric(_Part):
    """One metric of one model on an extra evaluation set.

    Attributes:
        value: The metric; null where undefined.
        reason: Why it, or its interval, is undefined; else empty.
        interval: Its 95 % bootstrap interval; null where there is none.
    """

    value: Number
    reason: str = ""
    interval: Interval | None = None


class ExtraSet(_Part):
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


class LearningRatePoint(_Part):
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


class LearningRateEntry(_Part):
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


class CandidateEntry(_Part):
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


class CaseResults(_Part):
    """One case.

    Attributes:
        description: As in the case file.
        model_names: The case's models, the base first; `models` holds those that were measured, in this order.
        origin: What values must share to be comparable.
        base_revision: Commit of the base on the hub; empty where the case gives none.
        pairs: Number of evaluation pairs.
        negatives: How many of them have label 0.
        pair_table: Name of the file beside this one with each pair, its scores and its place in the projections.
        models: What was measured.
        missing: Model of this run that could not be measured -> why.
        error: Why the case could not be run at all; else empty.
        incomparable: Why nothing can be compared with the baseline; empty where it can.
        updated: Whether this run stored the baseline that its values are held against.
        expected: How many verdicts a whole run has.
        strict: Whether an inconclusive verdict fails its test.
        verdicts: Causes before their consequences: sorted by the order of `GATES`.
        skipped: What was not judged, since something that it depends on failed.
        relative_performance: The models that the case compares with each other, in every metric.
        audit: The audit of the data; null where it was not audited.
        extra_sets: Name -> values on an extra evaluation set.
        learning_rate: The learning-rate check; null where the case has none.
        candidate: The model that a run with `-m gate` is about; else null.
    """

    description: str
    model_names: tuple[str, ...]
    origin: Origin
    base_revision: str = ""
    pairs: int
    negatives: int
    pair_table: Annotated[str, Field(pattern=r"^[^/\\]*$")]
    models: dict[str, ModelEntry]
    missing: dict[str, str] = {}
    error: str = ""
    incomparable: str = ""
    updated: bool = False
    expected: int
    strict: bool = False
    verdicts: Annotated[tuple[Verdict, ...], AfterValidator(_known_gates)]
    skipped: tuple[Skipped, ...] = ()
    relative_performance: tuple[RelativeEntry, ...] = ()
    audit: AuditEntry | None = None
    extra_sets: dict[str, ExtraSet] = {}
    learning_rate: LearningRateEntry | None = None
    candidate: CandidateEntry | None = None

    def __repr__(self) -> str:
        return case_words(self)

    def __str__(self) -> str:
        return repr(self)


class Results(_Part):
    """A `results.json`: everything that one run measured, and the verdict of every gate that ran.

    JSON has no NaN: null stands for a number that is undefined, never 0. It is also written where the run failed or was
    interrupted, and then holds what is known.

    Attributes:
        schema: Number of this format, raised when a key changes its meaning or goes.
        harness: Version of the package that wrote it.
        machine: Where it ran.
        libraries: Library whose version can change a value -> its version.
        commit: Git commit of the run's repository, `-dirty` where a tracked file was changed; empty without one.
        cases: Name of the case -> its results.
    """

    schema_version: Annotated[Literal[2], Field(alias="schema")] = SCHEMA
    harness: str
    machine: str
    libraries: dict[str, str] = {}
    commit: str = ""
    cases: dict[str, CaseResults]
