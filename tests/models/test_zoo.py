"""Models of many architectures are trained, saved, opened again and verified; what they share with BERT is nothing."""

import contextlib
import dataclasses
import itertools

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness.config import BaseSpec, Recipe
from harness.data import Side, Sides
from harness.metrics import row_cosines
from harness.models import (
    ENCODE,
    MODULES,
    PROBE_TEXTS,
    Checkpoint,
    embed,
    max_length,
    open_checkpoint,
    read_arrays,
    read_record,
    read_word_pieces,
    resolve_base,
    settings_of,
    target_problem,
)
from harness.models.checkpoint import directory_digest
from harness.training import TRAIN
from harness.training.packing import in_one_forward, packed
from harness.training.rows import occurring_rows
from harness.verification import LOAD_PATHS, Candidate, check_base, check_files
from harness.verification.load_paths import try_load_paths
from harness.verification.opened import check_opened

from .zoo import ZOO

SAME = 0.9999999
SIDES = Sides(Side("query", "query: "), Side("document", "passage: "))
RECIPE = {"epochs": 1, "learning_rate": 1e-2, "warmup_steps": 1, "precision": "fp32"}
TARGETS = {  # PEFT has a default for the others
    "MPNet": ["attention.attn.q", "v"],
    "ModernBERT": r"layers\.\d+\.attn\.Wqkv",
    "Dense head": "all-linear",
}
TRAINED = [
    (name, kind) for name, kind in itertools.product(ZOO, ("full", "lora")) if (name, kind) != ("static", "lora")
]


@pytest.fixture(scope="session")
def bases(tmp_path_factory):
    root = tmp_path_factory.mktemp("zoo")
    for name, build in ZOO.items():
        build(root / name)
    return {name: resolve_base(BaseSpec(name=name, path=name), root) for name in ZOO}


@pytest.fixture(scope="session")
def trained(bases, tiny_inputs, tmp_path_factory):
    """Trains a model for two steps with prompts, once; returns its directory."""
    done = {}
    pairs = dataclasses.replace(tiny_inputs.train, pairs=tiny_inputs.train.pairs[:32])

    def train(name, strategy):
        if (name, strategy) not in done:
            out = done[name, strategy] = tmp_path_factory.mktemp("trained")
            lora = {"rank": 2, "target_modules": TARGETS.get(name)} if strategy == "lora" else None
            recipe = Recipe(strategy=strategy, **RECIPE).changed(lora=lora)
            assert not lora or "" == target_problem(bases[name], recipe.lora.target_modules)
            facts = TRAIN.run(
                recipe=recipe,
                base=bases[name],
                train_pairs=pairs,
                dev_pairs=None,
                sides=SIDES,
                out=out,
                progress=lambda *_: None,
            )
            assert (2, "cpu") == (facts.steps, facts.device)
        return done[name, strategy]

    return train


@pytest.mark.parametrize("name", ZOO)
def test_a_base_opens_and_what_it_reads_is_known_without_it(bases, name):
    base = bases[name]
    model = open_checkpoint(Checkpoint.of_base(base))
    longest = max_length(base)
    assert longest == settings_of(model)["maximum length"]
    if name != "static":  # whose texts end in no special token
        assert [len(ids) for ids in model.tokenizer(list(PROBE_TEXTS))["input_ids"]] == [
            found.pieces for found in read_word_pieces(base, PROBE_TEXTS)
        ]


@pytest.mark.parametrize(("name", "strategy"), TRAINED)
def test_it_is_trained_saved_opened_again_and_verified(bases, trained, tmp_path, name, strategy):
    base, out = bases[name], trained(name, strategy)
    recorded = read_record(out).probes
    before = embed(open_checkpoint(Checkpoint.of_base(base)), PROBE_TEXTS)
    assert np.abs(before - recorded).max() > 1e-3  # it learned

    checkpoint = Checkpoint(strategy, base, out, "trained")
    encoded = ENCODE.run(
        source=checkpoint, texts={"eval": [("tea",), ("tea", "x")]}, sides=SIDES, out=tmp_path, progress=_silent
    )
    arrays = read_arrays(tmp_path / "embeddings.safetensors")
    assert (3, len(recorded[0])) == arrays["eval"].shape
    assert row_cosines(recorded, arrays["probes"][: len(recorded)]).min() > SAME
    assert {"document": "passage: ", "query": "query: "} == encoded.settings["prompts"]

    candidate = Candidate("model", strategy, out, directory_digest(out))
    assert ("pass", "pass") == (check_files(candidate).outcome, check_base(candidate, base, read_record(out)).outcome)
    checks = check_opened(candidate=candidate, base=base, progress=_silent)
    assert {"pass"} == {check.outcome for check in checks.values()}, checks
    facts = try_load_paths(candidate=candidate, base=base, seed=1, sides=SIDES, out=tmp_path, progress=_silent)
    assert ({}, set(LOAD_PATHS[strategy])) == (facts.errors, set(facts.settings))
    for path, found in read_arrays(tmp_path / "embeddings.safetensors").items():
        assert row_cosines(arrays["probes"], found).min() > SAME, path
        assert encoded.settings == facts.settings[path]


def test_an_adapter_leaves_the_head_of_its_base_as_it_is(bases, trained):
    base, out = bases["Dense head"], trained("Dense head", "lora")
    for name, tensor in load_file(base.path / "2_Dense" / "model.safetensors").items():
        np.testing.assert_array_equal(tensor, load_file(out / "2_Dense" / "model.safetensors")[name])
    changed = load_file(trained("Dense head", "full") / "2_Dense" / "model.safetensors")["linear.weight"]
    assert not np.array_equal(changed, load_file(base.path / "2_Dense" / "model.safetensors")["linear.weight"])


def test_a_plain_transformer_is_pooled_by_the_mean(bases):
    base = bases["plain, with a head"]
    assert not (base.path / MODULES).exists()
    [pooling] = settings_of(open_checkpoint(Checkpoint.of_base(base)))["pooling"]
    assert "mean" == pooling["pooling_mode"]


def test_the_side_of_the_padding_is_a_setting(bases):
    settings = {name: settings_of(open_checkpoint(Checkpoint.of_base(bases[name]))) for name in ("Qwen3", "BERT")}
    assert ("left", False) == (settings["Qwen3"]["padding"], "padding" in settings["BERT"])


def _silent(*_):
    pass


@pytest.mark.parametrize("name", ZOO)
def test_without_padding_embeddings_and_gradients_are_the_same(bases, name):
    import torch
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

    model = open_checkpoint(Checkpoint.of_base(bases[name]))
    columns = [["i love tea", "tea is good, and so is a walk in the rain", "no"], ["i hate tea, as i told", "x", "no"]]

    def embeddings_and_gradients(wrap):
        model.zero_grad()
        loss = wrap(CosineSimilarityLoss(model))(map(model.preprocess, columns), torch.tensor([1.0, 0.0, 1.0]))
        loss.backward()
        gradients = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
        return embed(model, [*columns[0], *columns[1]]), gradients

    before, expected = embeddings_and_gradients(lambda loss: loss)
    with packed(model) as is_packed:
        found, gradients = embeddings_and_gradients(in_one_forward if is_packed else lambda loss: loss)
    # The others have no attention that can be given: relative positions of their own, or none at all.
    assert is_packed == (name not in ("MPNet", "T5", "static"))
    assert row_cosines(before, found).min() > SAME
    assert expected.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert torch.linalg.norm(gradient - expected[name]) <= 1e-5 * torch.linalg.norm(expected[name]) + 1e-7, name
    again, _ = embeddings_and_gradients(lambda loss: loss)
    np.testing.assert_array_equal(before, again)  # the model is as it was


@pytest.mark.parametrize("name", ["BERT", "MPNet", "Qwen3"])
def test_only_the_rows_that_occur_are_trained_and_the_weights_come_out_the_same(bases, name):
    import torch

    texts = ["i love tea", "i hate it"]

    def trained(rows):
        model = open_checkpoint(Checkpoint.of_base(bases[name]))
        tokens = model.preprocess(texts)["input_ids"].unique().tolist()
        with rows(model, tokens):
            optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.0)
            for _ in range(3):
                optimizer.zero_grad()
                first, second = model(model.preprocess(texts))["sentence_embedding"]
                torch.cosine_similarity(first, second, dim=0).backward()
                optimizer.step()
            inside = embed(model, ["zebra"])  # of rows that are not trained
            if rows is occurring_rows:
                assert len(tokens) in {len(value) for value in model.parameters()}
                with pytest.raises(ValueError, match="not among those"):
                    model(model.preprocess(["zebra"]))
        np.testing.assert_array_equal(inside, embed(model, ["zebra"]))
        return model.state_dict()

    expected = trained(lambda *_: contextlib.nullcontext())
    for name, value in trained(occurring_rows).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-7)
