"""Analyses of a model's embeddings and scores, one step a file.

To add one of a model: a function and its `Step`, and a row in `ANALYSES`. Its parameters are named after what a run has
(see `CaseRun.analysis`); key, JSON, schema and results follow. To show it: a row in the report's `SECTIONS`.
"""

from typing import Any

from harness.analyses.audit import AUDIT
from harness.analyses.evaluation import EVALUATE
from harness.analyses.operating_point import OPERATING_POINT, QUANTITIES, OperatingPoint
from harness.analyses.power import POWER, ModelPower
from harness.analyses.projection import PLANES, PROJECT, pair_means
from harness.analyses.relative import RELATIVE
from harness.analyses.rerank import RERANK
from harness.analyses.retrieval import RETRIEVE, TEXTS
from harness.analyses.uncertainty import UNCERTAINTY, Uncertainty
from harness.execution import Step

ANALYSES: tuple[Step[Any], ...] = (OPERATING_POINT, POWER)
"""The analyses of a model that results hold, by the names of their steps. None of them is gated."""
