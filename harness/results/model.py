"""Everything measured, and every verdict: one pydantic model is the writer, the reader and the JSON Schema."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from harness.baselines import Origin
from harness.gates import GATES, Skipped, Verdict
from harness.results.entries import (
    AuditEntry,
    CandidateEntry,
    ExtraSet,
    LearningRateEntry,
    ModelEntry,
    Part,
    RankEntry,
    RelativeEntry,
    RerankEntry,
    StrategyEntry,
    known,
)
from harness.results.words import case_words

SCHEMA: Literal[2] = 2
"""Raised when a key changes its meaning or goes."""


def _known_gates(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    for verdict in verdicts:
        known(verdict.gate, GATES)
    return verdicts


class CaseResults(Part):
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
        failed_parts: Part of these results that could not be made, such as an analysis -> why.
        cannot_fail: Comparisons with the baseline that no model fails, however bad: their tolerance is too wide.
        updated: Whether this run stored the baseline that its values are held against.
        expected: How many verdicts a whole run has.
        strict: Whether an inconclusive verdict fails its test.
        verdicts: Causes before their consequences: sorted by the order of `GATES`.
        skipped: What was not judged, since something that it depends on failed.
        relative_performance: The models that the case compares with each other, in every metric.
        audit: The audit of the data; null where it was not audited.
        extra_sets: Name -> values on an extra evaluation set.
        learning_rate: The learning-rate check; null where the case has none.
        strategies: Model -> what it finds in the case's documents, and keeps; empty where the case has none.
        rank: The adapter at several ranks; null where the case compares none, or they were not run.
        rerank: Model -> its decisions with the case's second stage; empty where the case has none, or it was not run.
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
    missing: dict[str, str] = Field(default_factory=dict)
    error: str = ""
    incomparable: str = ""
    failed_parts: dict[str, str] = Field(default_factory=dict)
    cannot_fail: tuple[str, ...] = ()
    updated: bool = False
    expected: int
    strict: bool = False
    verdicts: Annotated[tuple[Verdict, ...], AfterValidator(_known_gates)]
    skipped: tuple[Skipped, ...] = ()
    relative_performance: tuple[RelativeEntry, ...] = ()
    audit: AuditEntry | None = None
    extra_sets: dict[str, ExtraSet] = Field(default_factory=dict)
    learning_rate: LearningRateEntry | None = None
    strategies: dict[str, StrategyEntry] = Field(default_factory=dict)
    rank: RankEntry | None = None
    rerank: dict[str, RerankEntry] = Field(default_factory=dict)
    candidate: CandidateEntry | None = None

    def __repr__(self) -> str:
        return case_words(self)

    def __str__(self) -> str:
        return repr(self)


class Results(Part):
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
    libraries: dict[str, str] = Field(default_factory=dict)
    commit: str = ""
    cases: dict[str, CaseResults]
