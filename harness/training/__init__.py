"""Recipe -> trained model, with the record by which it is recognised elsewhere."""

from harness.training.record import record_training
from harness.training.strategies import STRATEGIES
from harness.training.trainer import TRAIN, EpochPoint, ParameterCounts, TrainingFacts, train

__all__ = [
    "STRATEGIES",
    "TRAIN",
    "EpochPoint",
    "ParameterCounts",
    "TrainingFacts",
    "record_training",
    "train",
]
