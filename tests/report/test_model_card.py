"""A model card gets the values of a model, as the hub's own library reads them; all else in it stays."""

import math

import pytest
from huggingface_hub import ModelCard

from harness.errors import HarnessError
from harness.metrics import METRICS
from harness.report.model_card import write_model_card
from harness.results import CandidateEntry, Results

from ..synthetic import make_report, with_case, with_metric

CARD = """---
license: mit
tags:
- sentence-transformers
model-index:
- name: my-model
  results:
  - task:
      type: semantic-similarity
      name: Semantic Similarity
    dataset:
      name: sts dev
      type: sts-dev
    metrics:
    - type: spearman_cosine
      value: 0.8
      note: not of the specification
---

# My model

Text with --- lines.
"""


def results(report=None, **cases):
    report = report or make_report("dating")
    return Results(harness="0", machine="m", cases={"dating": report.case, **cases})


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(CARD, encoding="utf-8")
    return path


def read(path):
    data = ModelCard.load(path).data
    return data, {
        (found.dataset_type, found.metric_type): found.metric_value for found in data.eval_results if found.metric_value
    }


def test_the_values_are_read_back_and_all_else_stays(card):
    report = make_report("dating")
    write_model_card(card, results(report), "lora")
    data, values = read(card)
    metrics = report.models["lora"].metrics
    assert values == {("sts-dev", "spearman_cosine"): 0.8} | {("dating", name): metrics[name].value for name in METRICS}
    assert (data.model_name, data.license, data.tags) == ("my-model", "mit", ["sentence-transformers"])
    ours = data.eval_results[-1]
    assert (ours.task_type, ours.dataset_revision) == ("sentence-similarity", report.case.origin.eval_sha256)
    text = card.read_text(encoding="utf-8")
    assert text.endswith(CARD.partition("\n---\n")[2])
    assert "note: not of the specification" in text
    # Again, with another value: replaced, never repeated.
    write_model_card(card, results(with_metric(report, "lora", "spearman", value=0.5)), "lora")
    assert len(read(card)[0].eval_results) == len(data.eval_results)
    assert read(card)[1]["dating", "spearman"] == 0.5


def test_a_card_is_made_where_there_is_none_and_undefined_values_are_left_out(tmp_path):
    path = tmp_path / "my-adapter" / "README.md"
    path.parent.mkdir()
    gated = CandidateEntry(model="lora", strategy="lora", path="my-adapter", sha256="0" * 64)
    report = with_metric(with_case(make_report("dating"), candidate=gated), "lora", "margin", value=math.nan)
    write_model_card(path, results(report))
    data, values = read(path)
    assert data.model_name == "my-adapter"
    assert {name for _, name in values} == {*METRICS} - {"margin"}


@pytest.mark.parametrize("model", [None, "lorra"])
def test_a_model_that_is_not_named_or_not_measured_is_refused(model, card):
    with pytest.raises(HarnessError, match=r"^--model: got (nothing|lorra), expected one of .*: standard and lora$"):
        write_model_card(card, results(), model)
    assert card.read_text(encoding="utf-8") == CARD


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("---\n- a list\n---\n", "metadata block should be a dict"),
        ("---\na: [\n---\n", "while parsing"),
        ("---\nmodel-index: none\n---\n", "model-index is not as the hub has it"),
        ("---\nmodel-index: [{name: a}]\n---\n", "model-index is not as the hub has it"),
    ],
)
def test_what_is_no_model_card_is_one_sentence_and_stays(content, words, card):
    card.write_text(content, encoding="utf-8")
    with pytest.raises(HarnessError) as refused:
        write_model_card(card, results(), "lora")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert card.read_text(encoding="utf-8") == content
    with pytest.raises(HarnessError, match=r"cannot be written: Is a directory; expected the README\.md of a model"):
        write_model_card(card.parent, results(), "lora")
