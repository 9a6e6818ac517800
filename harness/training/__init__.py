"""Recipe -> trained model, with the record by which it is recognised elsewhere."""

from harness.training.record import record_training
from harness.training.trainer import STRATEGIES, TRAIN, EpochPoint, ParameterCounts, TrainingFacts
