"""The types that gates read and return, and the row of the `GATES` table."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.baselines import ComparableBaseline, Origin
from harness.config import BASE, Case, Run
from harness.data import NO_SIDES, PairSet, RetrievalSet, Sides
from harness.data.audit import Audit
from harness.execution import Cost
from harness.metrics import METRICS, Evaluation, Number
from harness.models import Endpoint, ResolvedBase, UserEncoder
from harness.statistics import Change, RegressedPair, RelativePerformance, RetrievalChange
from harness.training import EpochPoint
from harness.verification import Candidate, Verification

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


def large_categories(pairs: PairSet, least: int) -> tuple[str, ...]:
    """Return the categories with at least as many pairs of each label, sorted."""
    counts = Counter((pair.category, pair.label) for pair in pairs if pair.category)
    return tuple(sorted({name for name, _ in counts if min(counts[name, 0], counts[name, 1]) >= least}))


Source = Candidate | UserEncoder | Endpoint
"""Where a model comes from that a case does not train."""


@dataclass(frozen=True)
class Inputs:
    """A case with everything that it names read and verified.

    Attributes:
        case: The case.
        base: Its base.
        train: Its training pairs; None where it trains no model and names none: then nothing is audited either.
        eval: Its evaluation pairs.
        dev: Its pairs for the training curves, if it has any.
        extra: Its extra evaluation sets by name; none where a candidate is gated, which has no time for them.
        sides: The sides of the texts with the prompts of the base.
        candidate: A model that was trained elsewhere: it takes the place of one of the case's, and nothing is trained.
        sources: Where the case's own models come from that it does not train; none where a candidate is gated.
        own_sides: The sides of the texts with the prompts of a model of its own, where it is not made from the base.
        retrieval: Its retrieval set, if it names one.
    """

    case: Case
    base: ResolvedBase
    train: PairSet | None
    eval: PairSet
    dev: PairSet | None = None
    extra: Mapping[str, PairSet] = field(default_factory=dict)
    candidate: Candidate | None = None
    sides: Sides = NO_SIDES
    sources: Mapping[str, Source] = field(default_factory=dict)
    own_sides: Mapping[str, Sides] = field(default_factory=dict)
    retrieval: RetrievalSet | None = None

    def sides_of(self, model: str) -> Sides:
        """Return the sides of the texts with the prompts of one model."""
        return self.own_sides.get(model, self.sides)

    @property
    def trained(self) -> dict[str, str]:
        """The models of this run that are not the base: name -> strategy, or `encoder` or `endpoint`."""
        if self.candidate is not None:
            return {self.candidate.model: self.candidate.strategy}
        models = {**self.case.recipes, **self.sources}
        return {name: models[name].strategy for name in self.case.models}

    @property
    def candidates(self) -> dict[str, Candidate]:
        """The models of this run that were trained elsewhere and lie in a directory: what has to be verified."""
        if self.candidate is not None:
            return {self.candidate.model: self.candidate}
        return {name: source for name, source in self.sources.items() if isinstance(source, Candidate)}

    @property
    def models(self) -> tuple[str, ...]:
        """The models of this run, the base first."""
        return (BASE, *self.trained)

    @property
    def adapters(self) -> tuple[str, ...]:
        """The models of this run that are an adapter on the base."""
        return tuple(name for name, strategy in self.trained.items() if strategy == "lora")

    @property
    def pair_sets(self) -> dict[str, PairSet]:
        """Every set of pairs by name: `train`, `eval`, and the extra ones. Their texts are what a model encodes."""
        trained = {} if self.train is None else {"train": self.train}
        return {**trained, "eval": self.eval, **self.extra}

    @property
    def file_names(self) -> tuple[str, str]:
        """The names of the files of train and eval pairs; with their directories where they are the same."""
        train, evaluated = (self.train or self.eval).path, self.eval.path
        if train.name != evaluated.name:
            return train.name, evaluated.name
        return f"{train.parent.name}/{train.name}", f"{evaluated.parent.name}/{evaluated.name}"

    @property
    def has_categories(self) -> bool:
        """True if both training and evaluation pairs have categories: else the audit says nothing about them."""
        return self.eval.has_categories and (self.train is None or self.train.has_categories)

    @property
    def compared_categories(self) -> tuple[str, ...]:
        """The categories with enough pairs of each label to be compared with a baseline, sorted."""
        return large_categories(self.eval, self.case.gates.category_pairs)

    @property
    def origin(self) -> Origin:
        """The origin that a baseline must share to be compared with."""
        return Origin(
            eval_sha256=self.eval.digest,
            eval_pairs=len(self.eval),
            base_name=self.base.name,
            base_digest=self.base.digest,
        )


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
