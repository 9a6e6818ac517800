"""The learning-rate check: one model trained at several rates."""

from dataclasses import dataclass

from harness.metrics import Number
from harness.statistics import RelativePerformance
from harness.training import EpochPoint


@dataclass(frozen=True)
class LearningRatePoint:
    """The checked model, trained at one rate.

    Attributes:
        learning_rate: The rate.
        value: The checked metric.
        relative: Held against the fully trained model.
        curve: Each epoch of the training.
    """

    learning_rate: float
    value: Number
    relative: RelativePerformance
    curve: tuple[EpochPoint, ...]
