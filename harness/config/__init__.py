"""Case files: one `case.toml` a data set, validated, its defaults filled in from the tables of metrics and checks."""

from harness.config.case import BASE, CASE_FILE, BaseSpec, Case, Run, read_case
from harness.config.data import DataSpec, HubSpec
from harness.config.fields import Frozen
from harness.config.limits import (
    ForgettingGate,
    Gates,
    LearningRateCheck,
    MemoryGate,
    RankGate,
    RelativeGate,
    Tolerance,
    TruncationGate,
)
from harness.config.losses import LOSSES, Loss
from harness.config.models import DirectorySpec, EncoderSpec, EndpointSpec, ModelSpec, RemoteSpec
from harness.config.recipe import HardNegatives, LoraSpec, Recipe
from harness.config.rerank import RerankSpec
from harness.config.sides import NO_SIDE, SideNames
