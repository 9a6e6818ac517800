"""Word pieces are counted as sentence-transformers counts them, without it."""

import json
import shutil

import pytest

from harness.config import read_case
from harness.errors import CheckpointError
from harness.models import ResolvedBase, max_length, read_word_pieces, resolve_base

TEXTS = ("i love tea", "", "Ünïcode \u200b and \U0001f600, 'quoted'", "word " * 300, "x" * 500, "\x00 \n\t")
TRANSFORMER, STATIC = "sentence_transformers.models.Transformer", "sentence_transformers.models.StaticEmbedding"


def write(directory, files):
    """Write a base of which only the settings are there."""
    for name, content in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(json.dumps(content), encoding="utf-8")
    return ResolvedBase("m", None, directory, "0" * 64)


def modules(path="", kind=TRANSFORMER):
    return [{"idx": 0, "name": "0", "path": path, "type": kind}]


@pytest.mark.parametrize("which", ["shipped", "tiny"])
def test_lengths_are_those_of_sentence_transformers(which, dating_case_path, tiny_base_path):
    from sentence_transformers import SentenceTransformer

    base = ResolvedBase("tiny", None, tiny_base_path, "0" * 64)
    if which == "shipped":
        base = resolve_base(read_case(dating_case_path).base, dating_case_path.parent)
    model = SentenceTransformer(str(base.path), device="cpu")
    assert model.max_seq_length == max_length(base)
    assert [len(ids) for ids in model.tokenizer(list(TEXTS))["input_ids"]] == counts(base, TEXTS)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"modules.json": modules("0_T"), "0_T/sentence_bert_config.json": {"max_seq_length": 128}}, 128),
        ({"modules.json": modules(), "sentence_roberta_config.json": {"max_seq_length": 75}}, 75),
        ({"tokenizer_config.json": {"model_max_length": 512}, "config.json": {"max_position_embeddings": 514}}, 512),
        ({"tokenizer_config.json": {"model_max_length": 10**30}, "config.json": {"max_position_embeddings": 384}}, 384),
        ({"tokenizer_config.json": {"model_max_length": 1e30}, "config.json": {"max_position_embeddings": -1}}, None),
        ({"modules.json": modules(kind=STATIC), "config.json": {"max_position_embeddings": 512}}, None),
        ({"sentence_bert_config.json": {"max_seq_length": 64, "processor_kwargs": {"model_max_length": 32}}}, 32),
    ],
    ids=["old-layout", "old-name", "tokenizer", "no-limit", "xlnet", "static", "processor"],
)
def test_the_maximum_is_found_where_it_stands(tmp_path, files, expected):
    assert expected == max_length(write(tmp_path, files))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"modules.json": modules(kind="sentence_transformers.models.CLIPModel")}, "the first module is a CLIPModel"),
        ({"modules.json": []}, "expected a list of modules"),
        ({"sentence_bert_config.json": [1]}, "sentence_bert_config.json: cannot be read"),
        ({"config.json": {}}, r"tokenizer.json: no such file.*save_pretrained"),
        ({"tokenizer.json": {"model": 1}}, "tokenizer.json: cannot be read: "),
    ],
)
def test_what_does_not_say_it_is_refused(tmp_path, files, said):
    base = write(tmp_path, files)
    with pytest.raises(CheckpointError, match=said):
        _ = max_length(base), counts(base, ["tea"])


def counts(base, texts, prompt=""):
    return [found.pieces for found in read_word_pieces(base, texts, prompt)]


def test_a_prompt_and_lower_case_count(tiny_base_path, tmp_path, edit_json):
    shutil.copytree(tiny_base_path, tmp_path / "base")
    edit_json(tmp_path / "base" / "tokenizer.json", normalizer=None)
    base = ResolvedBase("m", None, tmp_path / "base", "0" * 64)
    upper, lower = counts(base, ["XYZ", "xyz"])
    assert upper < lower  # unknown as a whole, known letter by letter
    edit_json(tmp_path / "base" / "sentence_bert_config.json", do_lower_case=True)
    assert [lower, lower] == counts(base, ["XYZ", "xyz"])
    assert counts(base, ["love: tea"]) == counts(base, ["tea"], "love: ")
