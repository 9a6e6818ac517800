"""Tiny models of many architectures, randomly initialised: as people have them, but small."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

WIDTH = 32
_LAYERS = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
_SPECIAL = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]
_NAMES = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "mask_token": "<mask>"}
_NAMES |= {"cls_token": "<s>", "sep_token": "</s>"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _tokenizer(kind: str, **settings: Any) -> Any:
    """Return a tokenizer of single letters: word pieces, byte-level or unigram."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    if kind == "pieces":
        pieces = [*_SPECIAL, *_LETTERS, *(f"##{letter}" for letter in _LETTERS), "love", "hate", "tea"]
        found = Tokenizer(models.WordPiece({piece: row for row, piece in enumerate(pieces)}, unk_token="<unk>"))  # noqa: S106
        found.normalizer = normalizers.BertNormalizer()
        found.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    elif kind == "bytes":
        pieces = [*_SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
        found = Tokenizer(models.BPE({piece: row for row, piece in enumerate(pieces)}, []))
        found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        found.decoder = decoders.ByteLevel()
    else:
        pieces = [*((piece, 0.0) for piece in _SPECIAL), *((letter, -2.0) for letter in ("▁", *_LETTERS))]
        found = Tokenizer(models.Unigram(pieces, unk_id=1))
        found.pre_tokenizer = pre_tokenizers.Metaspace()
    around = "$A </s>" if kind == "unigram" or settings.get("padding_side") == "left" else "<s> $A </s>"
    found.post_processor = processors.TemplateProcessing(single=around, special_tokens=[("<s>", 2), ("</s>", 3)])
    return PreTrainedTokenizerFast(tokenizer_object=found, **_NAMES, **settings)


def _bert(**settings: Any) -> Any:
    from transformers import BertConfig

    return BertConfig(**_LAYERS, max_position_embeddings=64, initializer_range=0.2, pad_token_id=0, **settings)


def _roberta(**settings: Any) -> Any:
    from transformers import RobertaConfig

    return RobertaConfig(**_LAYERS, max_position_embeddings=66, initializer_range=0.2, pad_token_id=0, **settings)


def _mpnet(**settings: Any) -> Any:
    from transformers import MPNetConfig

    return MPNetConfig(**_LAYERS, max_position_embeddings=66, initializer_range=0.2, pad_token_id=0, **settings)


def _modernbert(**settings: Any) -> Any:
    from transformers import ModernBertConfig

    ids = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    return ModernBertConfig(**_LAYERS, max_position_embeddings=64, initializer_range=0.2, **ids, **settings)


def _qwen3(**settings: Any) -> Any:
    from transformers import Qwen3Config

    shape = {"num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 64}
    return Qwen3Config(**_LAYERS, **shape, initializer_range=0.2, pad_token_id=0, eos_token_id=3, **settings)


def _t5(**settings: Any) -> Any:
    from transformers import T5Config

    shape = {"d_model": WIDTH, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2}
    return T5Config(**shape, pad_token_id=0, eos_token_id=3, decoder_start_token_id=0, **settings)


def _transformer(
    out: Path, config: Callable[..., Any], pieces: str, *, pooling: str = "mean", head: int = 0, shards: bool = False
) -> None:
    """Write a sentence-transformers model with a transformer in it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    plain = out.with_name(f"{out.name}-plain")
    _plain(plain, config, pieces, "AutoModel", left=pooling == "lasttoken")
    transformer = modules.Transformer(str(plain), max_seq_length=48)
    parts = [transformer, modules.Pooling(WIDTH, pooling), *([modules.Dense(WIDTH, head)] if head else [])]
    SentenceTransformer(modules=[*parts, modules.Normalize()], device="cpu").save_pretrained(
        str(out), create_model_card=False
    )
    if shards:
        (out / "model.safetensors").unlink()
        transformer.model.save_pretrained(out, max_shard_size="30KB")


def _plain(out: Path, config: Callable[..., Any], pieces: str, kind: str, *, left: bool = False) -> None:
    """Write a plain transformers model, as a class of transformers makes it of its configuration."""
    import torch
    import transformers

    tokenizer = _tokenizer(pieces, padding_side="left" if left else "right", model_max_length=64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = config(vocab_size=len(tokenizer))
        from_config = getattr(transformers, kind)
        model = from_config.from_config(made) if kind.startswith("Auto") else from_config(made)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def _static(out: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    model = modules.StaticEmbedding(_tokenizer("pieces"), embedding_dim=WIDTH)
    SentenceTransformer(modules=[model], device="cpu").save_pretrained(str(out), create_model_card=False)


def _with_legacy_names(out: Path) -> None:
    """Write a plain BERT with a head, as the first ones on the hub: names with a prefix, and LayerNorm's old ones."""
    from safetensors.numpy import load_file, save_file

    _plain(out, _bert, "pieces", "BertForPreTraining")
    path = out / "model.safetensors"
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    found = {}
    for name, tensor in load_file(path).items():
        for new, legacy in old.items():
            name = name.replace(new, legacy)
        found[name] = tensor
    save_file(found, path, metadata={"format": "pt"})


ZOO: Mapping[str, Callable[[Path], None]] = {
    "BERT": lambda out: _transformer(out, _bert, "pieces"),
    "RoBERTa": lambda out: _transformer(out, _roberta, "bytes"),
    "MPNet": lambda out: _transformer(out, _mpnet, "pieces"),
    "ModernBERT": lambda out: _transformer(out, _modernbert, "bytes", pooling="cls"),
    "Qwen3": lambda out: _transformer(out, _qwen3, "bytes", pooling="lasttoken"),
    "T5": lambda out: _transformer(out, _t5, "unigram"),
    "Dense head": lambda out: _transformer(out, _bert, "pieces", head=16),
    "in shards": lambda out: _transformer(out, _bert, "pieces", shards=True),
    "plain, with a head": _with_legacy_names,
    "static": _static,
}
"""Name -> function that writes such a model to a directory."""
