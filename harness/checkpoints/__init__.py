"""The only place where a model is resolved, verified and opened. Nothing here falls back to anything."""

from harness.checkpoints.base import ResolvedBase, module_names, resolve_base
from harness.checkpoints.files import (
    ADAPTER,
    ADAPTER_CONFIG,
    MODULES,
    PICKLES,
    WEIGHTS,
    files_digest,
    read_json,
    read_tensors,
    some,
    tensor_shapes,
)
from harness.checkpoints.opening import (
    Checkpoint,
    merge,
    open_checkpoint,
    open_unmerged,
    parameter_counts,
    weights_mb,
)
from harness.checkpoints.record import PROBE_TEXTS, TrainingRecord, read_record, write_record
from harness.checkpoints.settings import settings_of
from harness.checkpoints.tokens import count_word_pieces, max_length

__all__ = [
    "ADAPTER",
    "ADAPTER_CONFIG",
    "MODULES",
    "PICKLES",
    "PROBE_TEXTS",
    "WEIGHTS",
    "Checkpoint",
    "ResolvedBase",
    "TrainingRecord",
    "count_word_pieces",
    "files_digest",
    "max_length",
    "merge",
    "module_names",
    "open_checkpoint",
    "open_unmerged",
    "parameter_counts",
    "read_json",
    "read_record",
    "read_tensors",
    "resolve_base",
    "settings_of",
    "some",
    "tensor_shapes",
    "weights_mb",
    "write_record",
]
