"""The tables of a case that limit what its gates let pass. What a case does not state has a default."""

import math
from typing import Annotated, Any, Self

from pydantic import Field, PlainValidator, create_model, model_validator

from harness.config.fields import Frozen, Widths, one_of, refuse, table
from harness.data.audit import CHECKS
from harness.metrics import METRICS

MetricName = Annotated[str, one_of(METRICS)]
RisingMetricName = Annotated[str, one_of(name for name, metric in METRICS.items() if metric.direction == "higher")]
Megabytes = Annotated[float, Field(gt=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions of numbers by name, as `create_model` takes them."""
    return {name: (float, field) for name, field in fields.items()}


def _numbers(fields: dict[str, Any]) -> PlainValidator:
    """Return the validator of a table of numbers: name -> number, those that are not stated by their fields."""
    numbers = create_model("Numbers", __base__=Frozen, **_typed(fields))
    return PlainValidator(lambda stated: numbers.model_validate(stated).model_dump(), json_schema_input_type=numbers)


def _of_metrics(default: str) -> PlainValidator:
    """Return the validator of a number for each metric, by default what its row says."""
    fields = {
        name: Field(
            default=getattr(row, default),
            ge=0,
            lt=row.high - row.low if math.isfinite(row.high - row.low) else None,  # a wider one lets everything pass
            description=f"{row.title} ({row.unit}).",
        )
        for name, row in METRICS.items()
    }
    return _numbers(fields)


_CHECKED = {
    name: Field(default=row.limit, ge=row.low, le=row.high, description=f"{row.title} ({row.unit}). {row.question}")
    for name, row in CHECKS.items()
}


class AuditLimits(Frozen):
    """The greatest value of each check of the data that passes."""

    warn: list[Annotated[str, one_of(CHECKS)]] = Field(default_factory=list)
    """Checks that warn where they would fail."""

    def __getitem__(self, check: str) -> float:
        """Return the limit of a check."""
        return float(getattr(self, check))


_Audit = create_model("_Audit", __base__=AuditLimits, **_typed(_CHECKED))
AuditTable = Annotated[AuditLimits, PlainValidator(_Audit.model_validate, json_schema_input_type=_Audit)]
"""The table `[audit]`: `warn`, and the limit of each check."""


class RelativeGate(Frozen):
    """`model` must reach `at_least` times the value of `reference`."""

    model: str
    """The model that is judged."""
    reference: str
    """The model that it is held against."""
    metric: RisingMetricName = "spearman"
    """The metric of both; higher is better."""
    at_least: float = Field(default=0.9, gt=0, le=1)
    """Least relative performance."""


class TruncationGate(Frozen):
    """Models whose embeddings are cut to fewer dimensions where they are served must keep their quality there."""

    models: list[str] = Field(min_length=1)
    """The models that are served so."""
    widths: Widths
    """Numbers of dimensions, the greatest first."""
    metric: RisingMetricName = "spearman"
    """The metric that is compared; higher is better."""
    at_least: float = Field(default=0.95, gt=0, le=1)
    """Least part of the value at full width."""
    plain: dict[str, str] = Field(default_factory=dict)
    """One of the models, trained with `matryoshka` -> the same trained without: at each width it must be better."""


class RankGate(Frozen):
    """An adapter must be about as good at its own rank as at others."""

    model: str
    """A model with the strategy lora. It is trained at each rank, its scale alpha / rank the same."""
    ranks: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)
    """The ranks that it is held against."""
    metric: RisingMetricName = "cohens_d"
    """The metric that is compared; higher is better."""
    at_least: float = Field(default=0.95, gt=0, le=1)
    """Least part of the value at each other rank."""


class ForgettingGate(Frozen):
    """Models must keep what the base knows of texts that they are not trained for."""

    pairs: str
    """An extra evaluation set of general pairs."""
    metric: RisingMetricName = "spearman"
    """The metric that is compared; higher is better."""
    at_least: float = Field(default=0.9, gt=0, le=1)
    """Least part of the base's value."""


class MemoryGate(Frozen):
    """Ceilings on the peak resident memory of each stage, in MB (10^6 bytes)."""

    train: dict[str, Megabytes]
    """Model -> ceiling of its training; one for each model."""
    encode: Megabytes
    """Ceiling of encoding, for every model."""
    cuda_train: dict[str, Megabytes] = Field(default_factory=dict)
    """Model -> ceiling of the memory that its training allocates on a CUDA device, judged where it ran on one."""
    cuda_encode: Megabytes | None = None
    """The same of encoding, for every model."""


class Gates(Frozen):
    """The limits of the gates that need no stored baseline, and the size a category needs to be compared."""

    beats_base: list[MetricName] = Field(default=["spearman", "margin", "cohens_d", "auc_roc"], min_length=1)
    """Metrics in which every trained model must be better than the base."""
    divergence: float = Field(default=0.01, gt=0, lt=2)
    """Least mean cosine distance of an adapter's embeddings from the base's; an ignored adapter has exactly 0."""
    merge_agreement: float = Field(default=0.9999, ge=0.9, le=1)
    """Least cosine between the merged and the unmerged adapter's embeddings of the probe texts."""
    category_pairs: int = Field(default=8, ge=2)
    """Least number of pairs of each label for a category to be compared; with fewer its AUC is a lottery."""
    latency_ratio: float = Field(default=1.15, gt=0, le=10)
    """Greatest encode time of a merged adapter over the base's."""
    relative_performance: list[RelativeGate] = Field(default_factory=list)
    """Models held against another; by default each adapter against the first full one. An empty list compares none."""
    truncation: TruncationGate | None = None
    """Widths at which embeddings are served; without the table none is judged."""
    rank: RankGate | None = None
    """Ranks that an adapter is compared at; without the table none is judged."""
    forgetting: ForgettingGate | None = None
    """General pairs; without the table it is not judged what a model forgot."""
    overtraining: float = Field(default=0.02, ge=0, lt=1)
    """Greatest loss of dev Spearman from the best epoch to the last."""
    seed_spread: float = Field(default=0.1, gt=0, le=1)
    """Greatest standard deviation over the stored seeds, in parts of their mean gain over the base."""
    collapse_cosine: float = Field(default=0.9, gt=0, lt=1)
    """Greatest mean cosine of any two evaluation texts."""
    memory_mb: MemoryGate | None = None
    """Ceilings of the stages; without the table none is judged."""


class LearningRateCheck(Frozen):
    """An adapter stalls at the learning rate of full fine-tuning, and learns at ten times that rate."""

    model: str
    """An adapter. It is trained at both rates, with all else as its recipe says."""
    reference: str
    """A fully trained model: its learning rate is the one to stall at, its gain over the base the measure."""
    metric: RisingMetricName = "spearman"
    """The metric of the gain; higher is better."""
    stalls_at_most: Ratio
    """At the rate of `reference`: the greatest part of the gap between it and the base that `model` recovers."""
    learns_at_least: Ratio
    """At ten times that rate: the least."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.stalls_at_most >= self.learns_at_least:
            given = f"stalls_at_most is {self.stalls_at_most} and learns_at_least {self.learns_at_least}"
            refuse([((), f"{given}; expected the first to be less")])
        return self


class Tolerance(Frozen):
    """The rule by which being worse than stored is still noise.

    A trained model's tolerances come from the spread over `seeds` trainings, so that an equally good training passes
    all comparisons of the model with the probability `confidence` (see `retraining_tolerance`); at least `floor`.
    The base is not trained: its tolerance is `base`, the numeric noise between machines.
    """

    seeds: int = Field(default=8, ge=3)
    """Number of trainings."""
    confidence: float = Field(default=0.95, ge=0.5, lt=1)
    """Probability that an equally good training passes all comparisons of its model."""
    floor: Annotated[dict[str, float], _of_metrics("floor")] = table()
    """Metric -> least tolerance of a trained model: the seeds may happen to agree."""
    base: Annotated[dict[str, float], _of_metrics("base_tolerance")] = table()
    """Metric -> tolerance of the base: only another machine's arithmetic can move it."""
