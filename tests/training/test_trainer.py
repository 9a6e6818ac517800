"""A recipe makes the same weights from the same seed, and leaves beside them the record of its training."""

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter
from safetensors.numpy import load_file

from harness.config import LOSSES, Recipe, read_case
from harness.metrics import pair_scores, row_cosines
from harness.metrics.spearman import spearman
from harness.models import ADAPTER, PROBE_TEXTS, SAVED, WEIGHTS, Checkpoint, embed, open_checkpoint, resolve_base
from harness.models.record import ARRAYS, RECORD
from harness.training import STRATEGIES, ParameterCounts, TrainingFacts, trainer
from harness.training.precision import resolve_precision

STRATEGY = {"standard": "full", "lora": "lora", "head": "head"}
FILE = {"standard": WEIGHTS, "lora": ADAPTER}


@pytest.fixture(scope="module", params=["standard", "lora"])
def trained(request, train_tiny, tiny_inputs, tmp_path_factory):
    """The name of a model, its directory, the facts, and the progress that was reported; trained once more."""
    import torch

    torch.manual_seed(12345)
    np.random.seed(12345)  # noqa: NPY002 - the state that a careless library would draw from
    out = tmp_path_factory.mktemp("trained") / request.param
    said = []
    facts = train_tiny(request.param, out, dev=tiny_inputs.eval, progress=lambda *message: said.append(message))
    return request.param, out, facts, said


def reopened(model, base, directory):
    return open_checkpoint(Checkpoint(STRATEGY[model], base, directory, "trained"))


def test_the_facts_and_progress_say_what_was_done_and_the_curve_ends_with_the_saved_model(trained, tiny_inputs):
    model, out, facts, said = trained
    codec = TypeAdapter(TrainingFacts)
    assert facts == codec.validate_json(codec.dump_json(facts))
    trainable = {"standard": 23744, "lora": 2 * 2 * (4 * 32 + 32 * 4)}[model]
    total = 23744 + (trainable if model == "lora" else 0)
    assert ParameterCounts(total=total, trainable=trainable) == facts.parameters
    assert 2 * math.ceil(len(tiny_inputs.train) / 16) == facts.steps
    assert ("fp32", "cpu") == (facts.precision, facts.device)
    assert facts.seconds > 0
    assert [(number + 1) / facts.steps for number in range(facts.steps)] == [part for part, _ in said]
    ends = (f"epoch 1/2, step 1/{facts.steps}", f"epoch 2/2, step {facts.steps}/{facts.steps}")
    assert ends == (said[0][1], said[-1][1])
    assert [1, 2] == [point.epoch for point in facts.curve]
    assert facts.curve[1].loss < facts.curve[0].loss
    embeddings = embed(reopened(model, tiny_inputs.base, out), tiny_inputs.eval.texts)
    final = spearman(pair_scores(embeddings, tiny_inputs.eval.text_rows), tiny_inputs.eval.labels).value
    assert final == pytest.approx(facts.curve[-1].spearman, abs=0.005)


def test_weights_and_the_record_of_their_probes_are_saved_and_nothing_else(trained, tiny_inputs):
    model, out, _, _ = trained
    names = {path.name for path in out.iterdir()}
    assert {FILE[model], RECORD, ARRAYS, "modules.json"} <= names
    assert not {WEIGHTS if model == "lora" else ADAPTER, "README.md"} & names
    assert not [path for path in out.rglob("*") if path.suffix in {".bin", ".pt", ".pth"}]
    if model == "lora":
        assert [32 * 4] * 8 == [tensor.size for tensor in load_file(out / ADAPTER).values()]
    recorded = load_file(out / ARRAYS)["probes"]
    assert ((12, 32), np.dtype(np.float32)) == (recorded.shape, recorded.dtype)
    assert row_cosines(recorded, embed(reopened(model, tiny_inputs.base, out), PROBE_TEXTS)).min() >= 0.999999


def test_the_seed_decides_the_weights_and_neither_the_process_nor_the_dev_pairs_do(
    trained, tiny_trained, train_tiny, tmp_path
):
    model, out, _, _ = trained
    for name in (FILE[model], ARRAYS):  # `tiny_trained` was trained without dev pairs
        assert (tiny_trained[model] / name).read_bytes() == (out / name).read_bytes()
    train_tiny(model, tmp_path, seed=4)
    assert (tmp_path / FILE[model]).read_bytes() != (out / FILE[model]).read_bytes()


OTHERS = {
    "adamw_torch": {"optimizer": "adamw_torch"},
    **{loss: {"loss": loss} for loss in LOSSES if loss != "cosine_similarity"},
    "hard": {"loss": "multiple_negatives_ranking", "negatives": 2},
    "cached_matryoshka": {"loss": "cached_multiple_negatives_ranking", "matryoshka": [32, 8]},
    "decay": {"weight_decay": 0.1},
    "l2": {"l2_to_base": 0.1},
    "head": {"strategy": "head"},
}


@pytest.fixture(scope="module")
def queries(tiny_inputs):
    """The tiny pairs with grades, each first text with a good and a bad one."""
    pairs = tuple(
        replace(pair, text_2=pair.text_2 + end, label=label, grade=float(label))
        for pair in tiny_inputs.train
        for label, end in ((1, ""), (0, " not"))
    )
    return replace(tiny_inputs.train, pairs=pairs, digest="queries", lines=())


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_way_trains_and_is_opened_as_it_was_saved(train_tiny, tmp_path, tiny_inputs, queries, name):
    changes = OTHERS[name]
    facts = train_tiny("standard", tmp_path, epochs=2, pairs=queries, **changes)
    assert facts.curve[1].loss < facts.curve[0].loss
    opened = reopened(changes.get("strategy", "standard"), tiny_inputs.base, tmp_path)
    assert row_cosines(load_file(tmp_path / ARRAYS)["probes"], embed(opened, PROBE_TEXTS)).min() >= 0.999999
    if name == "head":
        assert 32 * 32 == facts.parameters.trainable


def test_bf16_is_recorded_and_the_probes_are_still_fp32(train_tiny, tmp_path, tiny_inputs):
    assert "bf16" == train_tiny("standard", tmp_path, precision="bf16", epochs=1).precision
    assert {np.dtype(np.float32)} == {tensor.dtype for tensor in load_file(tmp_path / WEIGHTS).values()}
    recorded = load_file(tmp_path / ARRAYS)["probes"]
    embeddings = embed(reopened("standard", tiny_inputs.base, tmp_path), PROBE_TEXTS)
    assert row_cosines(recorded, embeddings).min() >= 0.999999


@pytest.mark.parametrize(
    ("avx512", "amx", "expected"), [(True, False, "bf16"), (False, True, "bf16"), (False, False, "fp32")]
)
def test_auto_is_bf16_only_where_the_cpu_multiplies_it(monkeypatch, *, avx512, amx, expected):
    import torch

    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    for precision, wanted in [("auto", expected), ("bf16", "bf16"), ("fp32", "fp32")]:
        assert wanted == resolve_precision(precision, torch.device("cpu"))


def test_every_strategy_of_a_recipe_can_be_trained_and_opened():
    strategies = set(Recipe.model_json_schema()["properties"]["strategy"]["enum"])
    assert strategies == set(STRATEGIES)
    assert strategies | {"base"} == set(SAVED)


def test_the_shipped_adapter_has_73728_trainable_parameters_in_a_third_of_a_megabyte(dating_case_path, tmp_path):
    case = read_case(dating_case_path)
    opened = open_checkpoint(Checkpoint.of_base(resolve_base(case.base, dating_case_path.parent)))
    assert ParameterCounts(total=22_713_216, trainable=22_713_216) == trainer.parameter_counts(opened)
    model = STRATEGIES["lora"](opened, case.models["lora"])
    assert ParameterCounts(total=22_786_944, trainable=73_728) == trainer.parameter_counts(model)
    model.save_pretrained(str(tmp_path), create_model_card=False)
    assert 0.3 == pytest.approx((tmp_path / "adapter_model.safetensors").stat().st_size / 1e6, abs=0.02)
