"""Settings that are not the baseline's: the weights are right, and the embeddings are others, or mean something else.

A directory of sentence-transformers holds them, whether its weights are an adapter or a whole model. The gate measures
an adapter with the base's settings, so there it finds that the directory, opened as it is, is another model.
"""

import json
from collections.abc import Mapping

from harness.models import MODULES

from .tools import Change, Fault, json_file, set_json

_OF_TEXTS = "config_sentence_transformers.json"
_PROMPTS = {"query": "search for: ", "document": ""}

_OTHER = ("load_paths", "other embeddings than .* other weights or settings there")
_UNNORMALISED = ("settings", "normalised False")
_PROMPTED = ("settings", "prompts .*search for")
_EUCLIDEAN = ("settings", "similarity 'euclidean'")
_FAILS = ("load_paths", r"SentenceTransformer\(DIR\) fails")


def _without_module(kind):
    def change(directory, _):
        modules = json.loads((directory / MODULES).read_text(encoding="utf-8"))
        kept = [module for module in modules if kind not in module["type"]]
        (directory / MODULES).write_text(json.dumps(kept), encoding="utf-8")

    return change


def _turn_vocabulary(directory, _):
    path = directory / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    words = [word for word in vocabulary if not word.startswith("[")]
    turned = {word: vocabulary[other] for word, other in zip(words, reversed(words), strict=True)}
    content["model"]["vocab"] = dict(sorted({**vocabulary, **turned}.items(), key=lambda item: item[1]))
    path.write_text(json.dumps(content), encoding="utf-8")


def _cut_length(directory, _):
    set_json(directory / "sentence_bert_config.json", max_seq_length=8)
    set_json(directory / "tokenizer_config.json", model_max_length=8)


_Caught = tuple[str, str]

_CHANGES: Mapping[str, tuple[Change, _Caught, _Caught]] = {
    # The first token instead of the mean of all; servers that do so by themselves give other embeddings too.
    # Seen: https://github.com/jundot/omlx/pull/2594.
    "pooling changed": (json_file("1_Pooling/config.json", pooling_mode="cls"), _OTHER, ("settings", "pooling .*cls")),
    # Every cosine stays, and every dot product changes.
    "normalisation dropped": (_without_module("Normalize"), _UNNORMALISED, _UNNORMALISED),
    # There is one embedding for each token, and none for the text.
    "pooling dropped": (_without_module("Pooling"), _FAILS, _FAILS),
    # Its vocabulary turned round, as long as before: every word gets the embedding of another one.
    "the tokenizer of another model": (_turn_vocabulary, _OTHER, ("settings", "tokenizer vocabulary")),
    # Shorter texts come out the same, and nothing says which were cut. Two files disagree about it, and not all tools
    # read the same one: https://github.com/martin-conur/quackformers/pull/83.
    "maximum length cut": (_cut_length, _OTHER, ("settings", "maximum length 8")),
    # Before every text, by a file that nobody looks at: https://github.com/huggingface/sentence-transformers/pull/2477;
    # a training does not use it: https://github.com/huggingface/sentence-transformers/issues/3394.
    "a prompt added": (
        json_file(_OF_TEXTS, prompts=_PROMPTS, default_prompt_name="query"),
        _OTHER,
        ("settings", "default prompt 'query'"),
    ),
    # Only `encode_query` puts it before a text: the embeddings of `encode` are the same.
    "a prompt offered": (json_file(_OF_TEXTS, prompts=_PROMPTS), _PROMPTED, _PROMPTED),
    # The first numbers of each embedding, which a model with Matryoshka's loss may give away, and no other.
    "embeddings cut": (
        json_file(_OF_TEXTS, truncate_dim=16),
        ("load_paths", r"gives embeddings of 16 numbers, .* of 32"),
        ("settings", "width of the embeddings 16, the baseline was made with 32"),
    ),
    # Positions are counted from the first token, padding or not: a text comes out differently beside a longer one.
    "padding on the left": (
        json_file("tokenizer_config.json", padding_side="left"),
        ("load_paths", "depends on the texts beside it"),
        ("load_paths", "depends on the texts beside it"),
    ),
    # Of a text that is too long, the end is read.
    "truncation on the left": (
        json_file("tokenizer_config.json", truncation_side="left"),
        _OTHER,
        ("settings", "truncation 'left'"),
    ),
    # Whoever calls `similarity` gets other numbers for the same embeddings.
    "another similarity": (json_file(_OF_TEXTS, similarity_fn_name="euclidean"), _EUCLIDEAN, _EUCLIDEAN),
}
"""What -> the change, and gate and message for an adapter and for a whole model."""

SETTINGS: Mapping[str, Fault] = {
    f"{good}: {what}": Fault(change, *caught, good=good)
    for what, (change, *both) in _CHANGES.items()
    for good, caught in zip(("adapter", "whole"), both, strict=True)
}
