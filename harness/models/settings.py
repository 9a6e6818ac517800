"""Settings of an opened model besides its weights: tokens, length, pooling, normalisation, prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.execution.digests import digest_of
from harness.models.record import PROBE_TEXTS

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def settings_of(model: SentenceTransformer) -> dict[str, Any]:
    """Return the settings of a model as JSON values, each under the name that an error shows.

    The tokenizer is identified by its vocabulary and by the tokens of the probe texts, not by its files: those change
    their form with the version of the library that wrote them.
    """
    modules: list[Any] = list(model)
    tokenizer: Any = model.tokenizer
    tokens = tokenizer(list(PROBE_TEXTS), truncation=True, max_length=model.max_seq_length)["input_ids"]
    vocabulary = tokenizer.get_vocab()
    return {
        "modules": [type(module).__name__ for module in modules],
        "tokenizer vocabulary": f"{len(vocabulary)} tokens, sha256 {digest_of(vocabulary)[:16]}",
        "tokens of the probe texts": f"sha256 {digest_of([list(row) for row in tokens])[:16]}",
        "maximum length": model.max_seq_length,
        "pooling": [module.get_config_dict() for module in modules if hasattr(module, "pooling_mode")],
        "normalised": any(type(module).__name__ == "Normalize" for module in modules),
        "prompts": {name: text for name, text in sorted(model.prompts.items()) if text},
        "default prompt": model.default_prompt_name,
        "similarity": model.similarity_fn_name,
    }
