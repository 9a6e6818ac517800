"""Word pieces are counted as sentence-transformers counts them, without it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.config import read_case
from harness.errors import CheckpointError
from harness.models import ResolvedBase, count_word_pieces, max_length, resolve_base

TEXTS = ("i love tea", "", "Ünïcode \u200b and \U0001f600, 'quoted'", "word " * 300, "x" * 500, "\x00 \n\t")
TRANSFORMER, STATIC = "sentence_transformers.models.Transformer", "sentence_transformers.models.StaticEmbedding"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., ResolvedBase]:
    """A base of which only the settings are there."""

    def base(files: dict[str, Any]) -> ResolvedBase:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
        return ResolvedBase("m", None, tmp_path, "0" * 64)

    return base


def modules(path: str = "", kind: str = TRANSFORMER) -> list[dict[str, Any]]:
    return [{"idx": 0, "name": "0", "path": path, "type": kind}]


@pytest.mark.parametrize("which", ["shipped", "tiny"])
def test_lengths_are_those_of_sentence_transformers(which: str, dating_case_path: Path, tiny_base_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    base = (
        resolve_base(read_case(dating_case_path).base, dating_case_path.parent)
        if which == "shipped"
        else ResolvedBase("tiny", None, tiny_base_path, "0" * 64)
    )
    model = SentenceTransformer(str(base.path), device="cpu")
    assert model.max_seq_length == max_length(base)
    assert [len(ids) for ids in model.tokenizer(list(TEXTS))["input_ids"]] == count_word_pieces(base, TEXTS)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"modules.json": modules("0_T"), "0_T/sentence_bert_config.json": {"max_seq_length": 128}}, 128),
        ({"modules.json": modules(), "sentence_roberta_config.json": {"max_seq_length": 75}}, 75),
        (
            {
                "modules.json": modules(),
                "sentence_bert_config.json": {"max_seq_length": None},
                "tokenizer_config.json": {"model_max_length": 512},
                "config.json": {"max_position_embeddings": 514},
            },
            512,
        ),
        ({"tokenizer_config.json": {"model_max_length": 10**30}, "config.json": {"max_position_embeddings": 384}}, 384),
        ({"tokenizer_config.json": {"model_max_length": 1e30}, "config.json": {"max_position_embeddings": -1}}, None),
        ({"modules.json": modules()}, None),
        ({"modules.json": modules(kind=STATIC), "config.json": {"max_position_embeddings": 512}}, None),
        ({"sentence_bert_config.json": {"max_seq_length": 64, "processor_kwargs": {"model_max_length": 32}}}, 32),
    ],
    ids=["old-layout", "old-name", "tokenizer", "no-limit", "xlnet", "nothing", "static", "processor"],
)
def test_the_maximum_is_found_where_it_stands(write: Any, files: dict[str, Any], expected: int | None) -> None:
    assert expected == max_length(write(files))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"modules.json": modules(kind="sentence_transformers.models.CLIPModel")}, "the first module is a CLIPModel"),
        ({"modules.json": []}, "expected a list of modules"),
        ({"modules.json": {"0": 1}}, "expected a list of modules"),
        ({"sentence_bert_config.json": [1]}, "sentence_bert_config.json: cannot be read"),
    ],
)
def test_what_does_not_say_it_is_refused(write: Any, files: dict[str, Any], said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        max_length(write(files))


def test_a_missing_or_damaged_tokenizer_file_is_refused(write: Any) -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer.json: no such file.*save_pretrained"):
        count_word_pieces(write({"config.json": {}}), ["tea"])
    with pytest.raises(CheckpointError, match=r"tokenizer.json: cannot be read: "):
        count_word_pieces(write({"tokenizer.json": {"model": 1}}), ["tea"])


def test_a_default_prompt_counts(tiny_base_path: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_base_path, tmp_path / "base")
    plain, asking = (ResolvedBase("m", None, path, "0" * 64) for path in (tiny_base_path, tmp_path / "base"))
    config = {"prompts": {"ask": "love: ", "other": "x"}, "default_prompt_name": "ask"}
    (tmp_path / "base" / "config_sentence_transformers.json").write_text(json.dumps(config), encoding="utf-8")
    assert count_word_pieces(plain, ["love: tea"]) == count_word_pieces(asking, ["tea"])


def test_texts_in_lower_case_are_counted_so(tiny_base_path: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_base_path, tmp_path / "base")
    for path in (tmp_path / "base").rglob("tokenizer.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        content["normalizer"] = None
        path.write_text(json.dumps(content), encoding="utf-8")
    base = ResolvedBase("m", None, tmp_path / "base", "0" * 64)
    upper, lower = count_word_pieces(base, ["XYZ", "xyz"])
    assert upper < lower  # unknown as a whole, known letter by letter
    settings = tmp_path / "base" / "sentence_bert_config.json"
    known = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(json.dumps({**known, "do_lower_case": True}), encoding="utf-8")
    assert [lower, lower] == count_word_pieces(base, ["XYZ", "xyz"])
