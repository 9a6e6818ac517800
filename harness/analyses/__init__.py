"""Analyses of a model's embeddings and scores, one step a file. To add one: a function and its `Step`."""

from harness.analyses.audit import AUDIT
from harness.analyses.evaluation import EVALUATE
from harness.analyses.operating_point import OPERATING_POINT, QUANTITIES, OperatingPoint
from harness.analyses.power import POWER, ModelPower
from harness.analyses.projection import PLANES, PROJECT, pair_means
from harness.analyses.relative import RELATIVE
from harness.analyses.uncertainty import UNCERTAINTY, Uncertainty
