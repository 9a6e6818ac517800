"""The types that gates read and return, and the row of the `GATES` table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.baselines import ComparableBaseline
from harness.config import Run
from harness.data.audit import Audit
from harness.execution import Cost
from harness.gates.inputs import Inputs
from harness.metrics import METRICS, Evaluation, Number
from harness.statistics import Change, RegressedPair, RelativePerformance, Rerank, RetrievalChange
from harness.training import EpochPoint
from harness.verification import Verification

Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The subject of a verdict. A field is empty where the gate has no such parameter.

    Attributes:
        model: A model of the case.
        reference: The model that it is held against.
        metric: A key of `METRICS`.
        category: A category of the pairs.
        check: A key of `CHECKS`, the audit of the data.
        texts: A set of texts: `eval` or `probes`.
        stage: `train` or `encode`.
        batch: Texts in a call.
        width: Dimensions that embeddings are cut to.
        rank: Rank that an adapter is held against.
    """

    model: str = ""
    reference: str = ""
    metric: str = ""
    category: str = ""
    check: str = ""
    texts: str = ""
    stage: str = ""
    batch: str = ""
    width: str = ""
    rank: str = ""

    def __str__(self) -> str:
        """Return the fields that are set, as in test ids: `lora-margin`."""
        return "-".join(value for each in fields(self) if (value := getattr(self, each.name)))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of one gate on one subject.

    Attributes:
        gate: A key of `GATES`; set by the gate's row.
        subject: What it is about; set by the gate's row.
        outcome: `fail` stops a release.
        observed: The value that was judged; NaN where undefined.
        reference: What it was held against; NaN where there is none.
        message: The outcome in words, without `examples`.
        examples: The pairs to look at first, in words.
        more: How many such pairs there are beside `examples`.
        improved: Whether the value is better than stored by more than its tolerance.
    """

    outcome: Outcome
    observed: Number
    reference: Number
    message: str
    gate: str = ""
    subject: Subject = Subject()
    examples: tuple[str, ...] = ()
    more: int = 0
    improved: bool = False

    @property
    def text(self) -> str:
        """The message with its examples."""
        if not self.examples:
            return self.message
        rest = f" and {self.more} more" if self.more else ""
        return f"{self.message}; now wrong: {'; '.join(self.examples)}{rest}"


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A gate that was not judged.

    Attributes:
        gate: A key of `GATES`.
        subject: The subject that it was not judged on.
        cause: The gate or the error that failed in its place.
    """

    gate: str
    subject: Subject
    cause: str


class NotJudgedError(Exception):
    """Raised by a gate whose values do not exist because another one, `cause`, fails: one cause is one failure."""

    def __init__(self, cause: str, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause


def outcome_of(passed: bool) -> Literal["pass", "fail"]:
    """Return the outcome of a yes or no."""
    return "pass" if passed else "fail"


class Evidence(Protocol):
    """A run, each value computed when it is first asked for. `CaseRun` is one; gates train, open and store nothing."""

    @property
    def inputs(self) -> Inputs:
        """The case as it is run."""

    @property
    def stored(self) -> ComparableBaseline:
        """The baseline, as far as it can be compared with this run."""

    def evaluation(self, model: str, **changes: Any) -> Evaluation:
        """Every metric of a model; `changes` are fields of its recipe, such as `learning_rate=2e-5`."""

    def change(self, model: str, metric: str, category: str = "") -> Change | None:
        """The change of a metric since the stored scores; None where they cannot be compared."""

    def regressed(self, model: str, category: str = "") -> Sequence[RegressedPair]:
        """The pairs that the stored model had right and this one has wrong, worst first."""

    def relative_performance(self, model: str, reference: str, metric: str, **changes: Any) -> RelativePerformance:
        """A model's value against another one's; against the stored one's, where this run does not measure it."""

    def truncated(self, model: str, width: int, metric: str) -> RelativePerformance:
        """A model whose embeddings are cut to a width against itself at full width."""

    def at_rank(self, model: str, rank: int, metric: str) -> RelativePerformance:
        """An adapter against itself at another rank, its scale the same."""

    def kept(self, model: str, pairs: str, metric: str) -> RelativePerformance:
        """A model against the base on an extra evaluation set."""

    def retrieval_change(self, model: str, metric: str) -> RetrievalChange:
        """A model's retrieval beside the base's, query by query."""

    def rerank(self, model: str) -> Rerank:
        """A model's decisions on the evaluation pairs, alone and with the case's second stage."""

    def curve(self, model: str) -> Sequence[EpochPoint]:
        """The training curve of a model that is trained here, a point an epoch."""

    def embeddings(self, model: str) -> Mapping[str, NDArray[np.float32]]:
        """The embeddings by name of the texts: `eval`, `probes`, and `unmerged_probes` of an adapter."""

    def cost(self, model: str, stage: str) -> Cost:
        """Seconds and peak memory of a stage, `train` or `encode`."""

    def audit(self) -> Audit:
        """The checks of the pairs."""

    def verification(self, model: str) -> Verification:
        """The checks on a model of `inputs.candidates`."""

    def latency(self, model: str) -> Mapping[int, tuple[Sequence[float], Sequence[float]]]:
        """Batch size -> seconds a call of a model and of the base, measured in turns."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A row of the `GATES` table.

    Attributes:
        name: Its key.
        title: The name in reports.
        question: What it answers.
        action: What to do when it fails.
        over: Keys of `PARAMETERS`: it is judged for each of their combinations.
        judge: Evidence and subject in, verdict out, without gate and subject.
        hard: Whether `--update-baselines` stores nothing while it fails; inconclusive is no failure. Needs no stored
            baseline.
        chart: Key of the chart that shows it; empty where the chart of its metric does, or none.
        needs: Gates that come before; where one fails for the same model, this one is not judged.
        runs: The kinds of runs that it belongs to.
    """

    name: str
    title: str
    question: str
    action: str
    over: tuple[str, ...] = ()
    judge: Callable[[Evidence, Subject], Verdict]
    hard: bool = False
    chart: str = ""
    needs: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ("full", "gate")

    @property
    def verifies(self) -> bool:
        """Whether it is about what a candidate claims to be."""
        return any("candidate" in parameter for parameter in self.over)

    def chart_of(self, subject: Subject) -> str:
        """Return the key of the chart that shows a subject; empty where none does."""
        return self.chart or (METRICS[subject.metric].chart if subject.metric else "")
