"""Settings that are not the baseline's: the weights are right, and the embeddings are others, or mean something else.

A directory of sentence-transformers holds them, whether its weights are an adapter or a whole model. The gate measures
an adapter with the base's settings, so there it finds that the directory, opened as it is, is another model.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.checkpoints import MODULES

from .tools import Break, Fault, Shop, change_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def pooling_changed(directory: Path, _: Shop) -> None:
    """The first token instead of the mean of all; servers that do so by themselves give other embeddings too.

    Seen: https://github.com/jundot/omlx/pull/2594.
    """
    change_json(directory / "1_Pooling" / "config.json", pooling_mode="cls")


def normalisation_dropped(directory: Path, _: Shop) -> None:
    """The last module is gone: every cosine stays, and every dot product changes."""
    _change_modules(directory, "Normalize")


def pooling_dropped(directory: Path, _: Shop) -> None:
    """The pooling is gone from the list of modules: there is one embedding for each token, and none for the text."""
    _change_modules(directory, "Pooling")


def other_tokenizer(directory: Path, _: Shop) -> None:
    """The tokenizer of another model: every word gets the embedding of another one.

    The vocabulary turned round, as long as before.
    """
    path = directory / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    words = [word for word in vocabulary if not word.startswith("[")]
    turned = {word: vocabulary[other] for word, other in zip(words, reversed(words), strict=True)}
    content["model"]["vocab"] = dict(sorted({**vocabulary, **turned}.items(), key=lambda item: item[1]))
    path.write_text(json.dumps(content), encoding="utf-8")


def length_cut(directory: Path, _: Shop) -> None:
    """Texts are cut after fewer tokens: shorter ones come out the same, and nothing says which were cut.

    Two files disagree about it, and not all tools read the same one:
    https://github.com/martin-conur/quackformers/pull/83.
    """
    change_json(directory / "sentence_bert_config.json", max_seq_length=8)
    change_json(directory / "tokenizer_config.json", model_max_length=8)


def prompt_added(directory: Path, _: Shop) -> None:
    """A prompt is put before every text, by a file that nobody looks at.

    `default_prompt_name`: https://github.com/huggingface/sentence-transformers/pull/2477; a training does not use it:
    https://github.com/huggingface/sentence-transformers/issues/3394.
    """
    prompts = {"query": "search for: ", "document": ""}
    change_json(directory / "config_sentence_transformers.json", prompts=prompts, default_prompt_name="query")


def prompt_offered(directory: Path, _: Shop) -> None:
    """A prompt that only `encode_query` puts before a text: the embeddings of `encode` are the same."""
    change_json(directory / "config_sentence_transformers.json", prompts={"query": "search for: ", "document": ""})


def similarity_changed(directory: Path, _: Shop) -> None:
    """Another similarity than the cosine: whoever calls `similarity` gets other numbers for the same embeddings."""
    change_json(directory / "config_sentence_transformers.json", similarity_fn_name="euclidean")


_OTHER = "other embeddings than .* other weights or settings there"

_CHANGES: Mapping[str, tuple[Break, tuple[str, str], tuple[str, str]]] = {
    "pooling changed": (pooling_changed, ("ways", _OTHER), ("settings", "pooling .*cls")),
    "normalisation dropped": (
        normalisation_dropped,
        ("settings", "normalised False"),
        ("settings", "normalised False"),
    ),
    "pooling dropped": (
        pooling_dropped,
        ("ways", r"SentenceTransformer\(DIR\) fails"),
        ("ways", r"SentenceTransformer\(DIR\) fails"),
    ),
    "the tokenizer of another model": (other_tokenizer, ("ways", _OTHER), ("settings", "tokenizer vocabulary")),
    "maximum length cut": (length_cut, ("ways", _OTHER), ("settings", "maximum length 8")),
    "a prompt added": (prompt_added, ("ways", _OTHER), ("settings", "default prompt 'query'")),
    "a prompt offered": (prompt_offered, ("settings", "prompts .*search for"), ("settings", "prompts .*search for")),
    "another similarity": (
        similarity_changed,
        ("settings", "similarity 'euclidean'"),
        ("settings", "similarity 'eucl"),
    ),
}
"""What -> how, and the verdict and message for an adapter and for a whole model."""

SETTINGS: Mapping[str, Fault] = {
    f"{good}: {what}": Fault(good, change, *caught)
    for what, (change, *both) in _CHANGES.items()
    for good, caught in zip(("adapter", "whole"), both, strict=True)
}


def _change_modules(directory: Path, dropped: str) -> None:
    path = directory / MODULES
    modules = [module for module in json.loads(path.read_text(encoding="utf-8")) if dropped not in module["type"]]
    path.write_text(json.dumps(modules), encoding="utf-8")
