"""The only place where a model is resolved, verified, opened and encoded with. Nothing here falls back to anything."""

from harness.models.checkpoint import Checkpoint, directory_digest, require_unchanged
from harness.models.encoding import (
    EMBEDDINGS,
    ENCODE,
    SAME_MODEL,
    Embeddings,
    EncodingFacts,
    embed,
    encode,
    read_arrays,
)
from harness.models.files import (
    ADAPTER,
    ADAPTER_CONFIG,
    MODULES,
    PICKLES,
    WEIGHTS,
    files_digest,
    read_json,
    read_tensors,
    tensor_shapes,
)
from harness.models.loading import SAVED, merge, open_checkpoint, open_unmerged
from harness.models.record import PROBE_TEXTS, TrainingRecord, read_record, write_record
from harness.models.settings import settings_of
from harness.models.sources import ResolvedBase, module_names, resolve_base
from harness.models.timing import time_encoding
from harness.models.tokens import count_word_pieces, max_length

__all__ = [
    "ADAPTER",
    "ADAPTER_CONFIG",
    "EMBEDDINGS",
    "ENCODE",
    "MODULES",
    "PICKLES",
    "PROBE_TEXTS",
    "SAME_MODEL",
    "SAVED",
    "WEIGHTS",
    "Checkpoint",
    "Embeddings",
    "EncodingFacts",
    "ResolvedBase",
    "TrainingRecord",
    "count_word_pieces",
    "directory_digest",
    "embed",
    "encode",
    "files_digest",
    "max_length",
    "merge",
    "module_names",
    "open_checkpoint",
    "open_unmerged",
    "read_arrays",
    "read_json",
    "read_record",
    "read_tensors",
    "require_unchanged",
    "resolve_base",
    "settings_of",
    "tensor_shapes",
    "time_encoding",
    "write_record",
]
