"""Whatever changes how a model treats a text, besides its weights, shows in its settings under its own name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from harness.models import settings_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def opened(path: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(path), device="cpu", local_files_only=True)


@pytest.fixture
def model(tiny_base_path: Path) -> Any:
    return opened(tiny_base_path)


def differences(first: dict[str, Any], second: dict[str, Any]) -> set[str]:
    assert first.keys() == second.keys()
    return {name for name in first if first[name] != second[name]}


def test_the_settings_of_the_tiny_model(model: Any) -> None:
    settings = settings_of(model)
    assert settings == json.loads(json.dumps(settings, allow_nan=False))
    assert ["Transformer", "Pooling", "Normalize"] == settings["modules"]
    assert (48, True, {}, None, "cosine") == tuple(
        settings[name] for name in ("maximum length", "normalised", "prompts", "default prompt", "similarity")
    )
    assert ["mean"] == [pooling["pooling_mode"] for pooling in settings["pooling"]]


def test_a_model_that_is_opened_twice_or_saved_has_the_same_settings(model: Any, tmp_path: Path) -> None:
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    assert settings_of(model) == settings_of(opened(tmp_path / "saved"))


def cls_pooling(model: Any) -> None:
    from sentence_transformers.sentence_transformer.modules import Pooling

    model[1] = Pooling(32, "cls")


def no_normalising(model: Any) -> None:
    del model[2]


def other_case(model: Any) -> None:
    from tokenizers.normalizers import BertNormalizer

    model.tokenizer.backend_tokenizer.normalizer = BertNormalizer(lowercase=False)


def another_word(model: Any) -> None:
    model.tokenizer.add_tokens(["zeppelin"])


def a_prompt(model: Any) -> None:
    model.prompts = {"query": "query: "}


def a_default_prompt(model: Any) -> None:
    model.prompts = {"query": "query: "}
    model.default_prompt_name = "query"


def shorter(model: Any) -> None:
    model.max_seq_length = 8


def dot_product(model: Any) -> None:
    model.similarity_fn_name = "dot"


CHANGES: dict[str, tuple[Callable[[Any], None], set[str]]] = {
    "pooling": (cls_pooling, {"pooling"}),
    "normalising": (no_normalising, {"modules", "normalised"}),
    "case": (other_case, {"tokens of the probe texts"}),
    "vocabulary": (another_word, {"tokenizer vocabulary"}),
    "prompt": (a_prompt, {"prompts"}),
    "default-prompt": (a_default_prompt, {"prompts", "default prompt"}),
    "length": (shorter, {"maximum length", "tokens of the probe texts"}),
    "similarity": (dot_product, {"similarity"}),
}


@pytest.mark.parametrize(("change", "names"), CHANGES.values(), ids=CHANGES)
def test_a_change_shows_under_its_own_name(model: Any, change: Callable[[Any], None], names: set[str]) -> None:
    before = settings_of(model)
    change(model)
    assert names == differences(before, settings_of(model))


def test_empty_prompts_are_no_prompts(model: Any) -> None:
    before = settings_of(model)
    model.prompts = {"query": "", "document": ""}
    assert before == settings_of(model)
