"""The only place where a model is resolved, verified, opened and encoded with. Nothing here falls back to anything."""

from harness.models.checkpoint import Checkpoint
from harness.models.elsewhere import ENCODE_ENDPOINT
from harness.models.embeddings import EMBEDDINGS, Embeddings, EncodingFacts, read_arrays
from harness.models.encoder import CheckedEncoder, Encoder
from harness.models.encoding import ENCODE, SAME_MODEL, embed, settings_of
from harness.models.endpoint import Endpoint
from harness.models.files import ADAPTER, ADAPTER_CONFIG, MODULES, WEIGHTS, files_digest
from harness.models.fingerprint import Fingerprint, read_fingerprint, write_fingerprint
from harness.models.loading import SAVED, open_checkpoint
from harness.models.prompts import declared_prompts, resolve_sides, side_named
from harness.models.record import PROBE_TEXTS, TrainingRecord, read_record
from harness.models.serving import ENCODERS, ModelSource, time_encoding
from harness.models.sources import ResolvedBase, resolve_base
from harness.models.targets import target_problem
from harness.models.tokens import max_length, read_word_pieces
from harness.models.user_encoder import UserEncoder
from harness.models.width import declared_width
