"""Number of word pieces of a text, and the most that a model reads. Imports no torch and no transformers."""

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import CheckpointError
from harness.models.files import MODULES, first_module, read_object
from harness.models.sources import ResolvedBase

# The names under which sentence-transformers looks for the settings of its first module, in this order.
_KINDS = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")

_WITHOUT_LIMIT = 10**9
"""From here on, `model_max_length` means that there is no maximum; transformers writes 1e30."""

_AT_ONCE = 10_000  # texts: each leaves its word pieces in memory until all of them are counted


def max_length(base: ResolvedBase) -> int | None:
    """Return the most word pieces of a text, special ones included, that a base reads; None where it reads all.

    The rule is that of sentence-transformers: its own settings; else those of the tokenizer, and at most the positions
    of the model. A CheckpointError where the files do not tell.
    """
    directory, kind = first_module(base.path)
    if kind == "StaticEmbedding":  # the mean of any number of vectors
        return None
    if kind != "Transformer":
        raise CheckpointError(
            f"{base.path / MODULES}: the first module is a {kind}, and how much it reads of a text is not known; "
            f"expected a Transformer or a StaticEmbedding"
        )
    settings = _settings(directory)
    arguments = settings.get("processor_kwargs") or settings.get("tokenizer_args") or {}
    stated = arguments.get("model_max_length") or settings.get("max_seq_length")
    if stated:
        return _finite(stated)
    tokenizer, config = (_optional(directory / name) for name in ("tokenizer_config.json", "config.json"))
    positions = config.get("max_position_embeddings")
    lengths = [_finite(tokenizer.get("model_max_length")), _finite(None if positions == -1 else positions)]
    return min((length for length in lengths if length is not None), default=None)


class WordPieces(NamedTuple):
    """The number of word pieces of a text, and a digest that two texts share if the model reads the same."""

    pieces: int
    digest: bytes


def read_word_pieces(base: ResolvedBase, texts: Sequence[str], prompt: str = "") -> list[WordPieces]:
    """Read the word pieces of each text with a prompt in front, special ones included, without truncation.

    A CheckpointError where there is no tokenizer.json that can be read.
    """
    from tokenizers import Tokenizer

    directory, _ = first_module(base.path)
    path = directory / "tokenizer.json"
    if not path.is_file():
        raise CheckpointError(
            f"{path}: no such file, so word pieces cannot be counted; write one with "
            f"AutoTokenizer.from_pretrained({str(directory)!r}).save_pretrained({str(directory)!r})"
        )
    try:
        tokenizer: Any = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - tokenizers raises nothing more special
        raise CheckpointError(f"{path}: cannot be read: {error}") from None
    # The file may hold a truncation and a padding of its own: all-MiniLM-L6-v2 has 128 for both.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lower = bool(_settings(directory).get("do_lower_case"))
    read = [prompt + (text.lower() if lower else text) for text in texts]
    return [
        WordPieces(len(encoded.ids), blake2b(array("I", encoded.ids).tobytes(), digest_size=16).digest())
        for start in range(0, len(read), _AT_ONCE)
        for encoded in tokenizer.encode_batch_fast(read[start : start + _AT_ONCE])
    ]


def _settings(directory: Path) -> dict[str, Any]:
    found = (_optional(directory / f"sentence_{kind}_config.json") for kind in _KINDS)
    return next(filter(None, found), {})


def _optional(path: Path) -> dict[str, Any]:
    return read_object(path) if path.is_file() else {}


def _finite(length: float | None) -> int | None:
    return None if length is None or length >= _WITHOUT_LIMIT else int(length)
