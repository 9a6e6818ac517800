"""Recipe -> trained model, with the record by which it is recognised elsewhere."""

from harness.training.negatives import MINE, MINED, Mined
from harness.training.record import record_training
from harness.training.strategies import STRATEGIES
from harness.training.teacher import SCORE, TEACH, Taught, TeacherScores
from harness.training.trainer import TRAIN, EpochPoint, ParameterCounts, TrainingFacts
