"""The prompts of a case's sides are those of sentence-transformers, and none is left out silently."""

import json
import shutil

import numpy as np
import pytest

from harness.config import NO_SIDE, read_case
from harness.data import Side, Sides
from harness.errors import CaseError
from harness.models import Checkpoint, embed, open_checkpoint
from harness.models.encoding import declare, embed_pairs
from harness.models.prompts import DeclaredPrompts, declared_prompts, resolve_sides
from harness.run import prepare

E5 = {"query": "query: ", "passage": "passage: "}
OWN = {"query": "query: ", "document": "passage: ", "STS": "same: "}


@pytest.fixture
def prompted(tiny_base_path, tmp_path, edit_json):
    """A copy of the tiny base that declares prompts; without them in what is pooled where asked so."""

    def build(prompts, *, default=None, include=True):
        path = shutil.copytree(tiny_base_path, tmp_path / "prompted")
        edit_json(path / "config_sentence_transformers.json", prompts=prompts, default_prompt_name=default)
        edit_json(path / "1_Pooling" / "config.json", include_prompt=include)
        return path

    return build


@pytest.fixture
def prepared(write_case, tiny_content, tmp_path):
    """The inputs of the tiny case on a base, with sides and prompts."""

    def build(base, sides=None, prompts=None):
        content = tiny_content()
        content["base"] = {"name": "tiny", "path": str(base)}
        content["data"] |= {} if sides is None else {"sides": dict(zip(("text_1", "text_2"), sides, strict=False))}
        content |= {} if prompts is None else {"prompts": prompts}
        return prepare(read_case(write_case(tmp_path / "case" / "tiny", content)))

    return build


@pytest.mark.parametrize("include", [True, False])
def test_sides_give_what_encode_query_and_encode_document_give(prompted, prepared, include):
    inputs = prepared(prompted(OWN, include=include), ["query", "document"])
    model = open_checkpoint(Checkpoint.of_base(inputs.base))
    texts = ["i love tea", "jazz is great"]
    for side, encode in zip(inputs.sides.distinct, (model.encode_query, model.encode_document), strict=True):
        np.testing.assert_allclose(encode(texts), embed(model, texts, side=side), atol=1e-6)
    assert not np.allclose(model.encode_query(texts), model.encode(texts), atol=1e-3)
    pairs, rows = inputs.eval, inputs.sides.rows(inputs.eval)
    found = embed_pairs(model, pairs, inputs.sides)
    np.testing.assert_allclose(model.encode_query([p.text_1 for p in pairs]), found[rows[:, 0]], atol=1e-6)
    np.testing.assert_allclose(model.encode_document([p.text_2 for p in pairs]), found[rows[:, 1]], atol=1e-6)


def test_prompts_of_the_case_come_before_those_that_the_base_declares(prompted, prepared):
    inputs = prepared(prompted(OWN), ["query", "document"], {"query": "ask: "})
    assert Sides(Side("query", "ask: "), Side("document", "passage: ")) == inputs.sides
    model = open_checkpoint(Checkpoint.of_base(inputs.base))
    declare(model, inputs.sides)
    np.testing.assert_allclose(model.encode_query(["tea"]), embed(model, ["tea"], side=inputs.sides.text_1), atol=1e-6)


def test_a_plain_base_takes_the_prompts_that_the_case_states(tiny_base_path, prepared):
    inputs = prepared(tiny_base_path, ["query"], {"query": "Represent this: "})  # BGE: of the query alone
    assert Sides(Side("query", "Represent this: "), Side()) == inputs.sides


def test_a_default_prompt_is_that_of_every_text(prompted, prepared):
    inputs = prepared(prompted(OWN, default="STS"))
    assert Sides(Side("", "same: "), Side("", "same: ")) == inputs.sides
    model = open_checkpoint(Checkpoint.of_base(inputs.base))
    np.testing.assert_allclose(model.encode(["tea"]), embed(model, ["tea"], side=inputs.sides.text_1), atol=1e-6)


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        (["STS", "STS"], Sides(Side("STS", "same: "), Side("STS", "same: "))),
        ([NO_SIDE, NO_SIDE], Sides()),
        (["query", NO_SIDE], Sides(Side("query", "query: "), Side())),
    ],
)
def test_a_side_is_the_name_of_a_prompt_or_none(prompted, prepared, sides, expected):
    assert expected == prepared(prompted(OWN), sides).sides


WRONG = {
    "unused": (
        None,
        None,
        'declares prompts, and the case uses none of them: query = "query: ", passage = "passage: ".',
    ),
    "lines": (None, None, '[data.sides]\n  text_1 = "query"\n  text_2 = "passage"\nor, where it is meant'),
    "unknown": (
        ["question"],
        None,
        "data.sides.text_1: base tiny has no prompt of this name, expected one of query, doc",
    ),
    "passage": (["query", "document"], None, "calls its prompt for documents 'passage' (\"passage: \")"),
    "unnamed": (
        ["query", "passage"],
        {"passages": "x: "},
        "prompts.passages: no text has this side; expected one that",
    ),
    "alone": (None, {"query": "x: "}, "prompts.query: no text has this side; expected one that data.sides names: it"),
}


@pytest.mark.parametrize(("sides", "prompts", "said"), WRONG.values(), ids=WRONG)
def test_prompts_that_would_be_left_out_are_refused(prompted, prepared, sides, prompts, said):
    with pytest.raises(CaseError) as caught:
        prepared(prompted(E5), sides, prompts)
    assert said in str(caught.value)


def test_a_directory_that_is_no_sentence_transformers_model_declares_none(tmp_path, tiny_inputs):
    import dataclasses

    config = {"prompts": OWN, "default_prompt_name": "STS"}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(config), encoding="utf-8")
    base = dataclasses.replace(tiny_inputs.base, path=tmp_path)
    assert DeclaredPrompts() == declared_prompts(base)  # so does sentence-transformers
    (tmp_path / "modules.json").write_text("[]", encoding="utf-8")
    assert DeclaredPrompts(OWN, "STS") == declared_prompts(base)
    assert Sides() == resolve_sides(tiny_inputs.case, DeclaredPrompts(), "x")
