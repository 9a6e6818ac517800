"""The tables of a case that limit what its gates let pass. What a case does not state has a default."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.config.fields import Frozen, OneOf, Row, Rows
from harness.data.audit import CHECKS
from harness.metrics import METRICS

MetricName = Annotated[str, OneOf(METRICS)]
RisingMetricName = Annotated[str, OneOf([name for name, metric in METRICS.items() if metric.direction == "higher"])]
Megabytes = Annotated[float, Field(gt=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]

AuditLimits = Annotated[
    dict[str, float],
    Rows(
        {
            name: Row(check.limit, f"{check.title} ({check.unit}). {check.question}", check.low, check.high)
            for name, check in CHECKS.items()
        }
    ),
]
"""Check -> the greatest value that the data may have."""


class RelativeGate(Frozen):
    """`model` must reach `at_least` times the value of `reference`.

    Attributes:
        model: The model that is judged.
        reference: The model that it is held against.
        metric: What they are compared in.
        at_least: Least relative performance.
    """

    model: str
    reference: str
    metric: MetricName = "spearman"
    at_least: float = Field(default=0.9, gt=0, le=1)


class MemoryGate(Frozen):
    """Ceilings on the peak resident memory of each stage, in MB (10^6 bytes).

    Attributes:
        train: Model -> ceiling of its training; one for each model.
        encode: Ceiling of encoding, for every model.
    """

    train: dict[str, Megabytes]
    encode: Megabytes


class Gates(Frozen):
    """The limits of the gates that need no stored baseline, and the size a category needs to be compared.

    Attributes:
        beats_base: Metrics in which every trained model must be better than the base.
        divergence: Least mean cosine distance between an adapter's embeddings and the base's; an adapter that was
            ignored has exactly 0.
        merge_agreement: Least cosine between the merged and the unmerged adapter's embeddings of the probe texts.
        category_pairs: Least number of pairs of each label for a category to be compared with its baseline; with fewer
            its AUC is a lottery.
        latency_ratio: Greatest encode time of a merged adapter over the base's.
        relative_performance: Models held against another model; by default each adapter against the first fully
            trained model. An empty list compares none.
        memory_mb: Ceilings of the stages; without the table none is judged.
    """

    beats_base: list[MetricName] = Field(default=["spearman", "margin", "cohens_d", "auc_roc"], min_length=1)
    divergence: float = Field(default=0.01, gt=0, lt=2)
    merge_agreement: float = Field(default=0.9999, gt=0, le=1)
    category_pairs: int = Field(default=8, ge=2)
    latency_ratio: float = Field(default=1.15, gt=0)
    relative_performance: list[RelativeGate] = Field(default_factory=list)
    memory_mb: MemoryGate | None = None


class LearningRateCheck(Frozen):
    """An adapter stalls at the learning rate of full fine-tuning, and learns at ten times that rate.

    Attributes:
        model: An adapter. It is trained at both rates, with all else as its recipe says.
        reference: A fully trained model: its learning rate is the one to stall at, its gain over the base the measure.
        metric: What the gain is measured in; higher is better.
        stalls_at_most: At the learning rate of `reference`: the greatest part of the gap between the base and
            `reference` that `model` recovers.
        learns_at_least: At ten times that rate: the least.
    """

    model: str
    reference: str
    metric: RisingMetricName = "spearman"
    stalls_at_most: Ratio
    learns_at_least: Ratio

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.stalls_at_most >= self.learns_at_least:
            raise ValueError(
                f"stalls_at_most is {self.stalls_at_most} and learns_at_least {self.learns_at_least}; "
                "expected the first to be less"
            )
        return self


class Tolerance(Frozen):
    """How much worse than stored is still noise.

    A trained model's tolerances come from the spread over `seeds` trainings, so that an equally good training passes
    all comparisons of the model with the probability `confidence` (see `retraining_tolerance`); at least `floor`.
    The base is not trained: its tolerance is `base`, the numeric noise between machines.

    Attributes:
        seeds: Number of trainings.
        confidence: Probability that an equally good training passes all comparisons of its model.
        floor: Metric -> least tolerance of a trained model: the seeds may happen to agree.
        base: Metric -> tolerance of the base: only another machine's arithmetic can move it.
    """

    seeds: int = Field(default=8, ge=3)
    confidence: float = Field(default=0.95, ge=0.5, lt=1)
    floor: Annotated[
        dict[str, float],
        Rows({name: Row(metric.floor, f"{metric.title} ({metric.unit}).") for name, metric in METRICS.items()}),
    ] = Field(default_factory=dict, validate_default=True)
    base: Annotated[
        dict[str, float],
        Rows(
            {name: Row(metric.base_tolerance, f"{metric.title} ({metric.unit}).") for name, metric in METRICS.items()}
        ),
    ] = Field(default_factory=dict, validate_default=True)
