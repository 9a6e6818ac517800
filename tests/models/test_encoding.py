"""Embeddings are fp32, each text is encoded once, and a reopened model must be the one that was trained."""

import numpy as np
import pytest

from harness.data import Side
from harness.errors import CheckpointError, StoreError
from harness.execution import Context, InlineExecutor, Store
from harness.metrics import row_cosines
from harness.models import ADAPTER, PROBE_TEXTS, WEIGHTS, encoder, encoding, open_checkpoint
from harness.models.embeddings import EMBEDDINGS, Embeddings, read_arrays
from harness.models.encoding import ENCODE, embed, encode, require_independent, settings_of
from harness.models.record import ARRAYS
from harness.models.serving import time_encoding


@pytest.mark.parametrize("strategy", ["base", "full", "lora"])
def test_encode_writes_float32_rows_for_texts_and_probes(checkpoints, tmp_path, strategy):
    seen, texts = [], {"eval": [("i love tea", "i hate tea", "x")], "train": [("x", "tea")]}
    facts = encode(source=checkpoints[strategy], texts=texts, out=tmp_path, progress=lambda *x: seen.append(x))
    found = read_arrays(tmp_path / EMBEDDINGS)
    shapes = {"eval": (3, 32), "train": (2, 32), "probes": (12, 32)}
    shapes |= {"unmerged_probes": (12, 32)} if strategy == "lora" else {}
    assert shapes == {name: array.shape for name, array in found.items()}
    assert {np.dtype(np.float32)} == {array.dtype for array in found.values()}
    np.testing.assert_array_equal(found["eval"][2], found["train"][0])
    assert [(1.0, "text 4/4")] == seen
    assert (4, "cpu", 23744) == (facts.texts, facts.device, facts.parameters)
    shipped = checkpoints[strategy].path / (ADAPTER if strategy == "lora" else WEIGHTS)
    assert shipped.stat().st_size / 1e6 == facts.weights_mb
    if strategy == "lora":
        np.testing.assert_allclose(found["unmerged_probes"], found["probes"], atol=1e-5)
        assert row_cosines(found["probes"], embed(open_checkpoint(checkpoints["base"]), PROBE_TEXTS)).mean() < 0.99


def test_each_text_is_encoded_once_and_in_chunks_that_do_not_matter(checkpoints, tmp_path, monkeypatch, tiny_inputs):
    seen, parts = [], []

    def counting(model, texts, **options):
        seen.extend(texts)
        return embed(model, texts, **options)

    texts = tiny_inputs.eval.texts
    whole = embed(open_checkpoint(checkpoints["base"]), texts)
    monkeypatch.setattr(encoding, "embed", counting)
    monkeypatch.setattr(encoder, "_CHUNK", 7)
    sets = {"eval": [texts], "again": [texts[:3]]}
    encode(source=checkpoints["base"], texts=sets, out=tmp_path, progress=lambda part, _: parts.append(part))
    assert sorted(texts) == sorted(text for text in seen if text not in PROBE_TEXTS)
    assert sorted(parts) == parts
    assert (-(-len(texts) // 7), 1.0) == (len(parts), parts[-1])
    np.testing.assert_allclose(whole, read_arrays(tmp_path / EMBEDDINGS)["eval"], atol=1e-6)


def test_the_embedding_of_a_text_does_not_depend_on_its_neighbours(checkpoints):
    model = open_checkpoint(checkpoints["base"])
    together = embed(model, PROBE_TEXTS)
    alone = np.concatenate([embed(model, [text]) for text in PROBE_TEXTS])
    np.testing.assert_allclose(alone, together, atol=1e-6)
    np.testing.assert_allclose(together[::-1], embed(model, PROBE_TEXTS[::-1], batch_size=5), atol=1e-6)


def test_a_model_whose_embeddings_depend_on_the_padding_is_refused(checkpoints, tmp_path):
    model = open_checkpoint(checkpoints["base"])
    require_independent(model)
    model.tokenizer.padding_side = "left"  # BERT counts positions from the first token, padding as well
    with pytest.raises(
        CheckpointError, match=r"depends on the texts beside it: in batches of 1 and of 12 .* 0\.[0-9]{4};"
    ):
        require_independent(model)
    assert "left" == settings_of(model)["padding"]
    model.tokenizer.truncation_side = "left"
    assert ("left", 32, 1.0) == tuple(settings_of(model)[key] for key in ("truncation", *MEASURED))
    model.truncate_dim = 8
    assert (8, "any") == tuple(settings_of(model)[key] for key in MEASURED)


MEASURED = ("width of the embeddings", "norm of the embeddings")


def test_timing_yields_the_seconds_of_each_batch_that_is_asked_for(checkpoints):
    timing = time_encoding(checkpoints["base"], PROBE_TEXTS, Side())
    assert next(timing) is None
    assert all(0 < timing.send(size) < 10 for size in (1, 12, 5))


NOT_THE_TRAINED_ONE = {
    "scaled": ("lora", ADAPTER, lambda t: t.update({key: 1.5 * value for key, value in t.items()})),
    "fewer-probes": ("full", ARRAYS, lambda arrays: arrays.update(probes=arrays["probes"][:-1])),
}


@pytest.mark.parametrize(("strategy", "file", "change"), NOT_THE_TRAINED_ONE.values(), ids=NOT_THE_TRAINED_ONE)
def test_a_model_that_is_not_the_trained_one_is_not_measured(copied, edit_tensors, tmp_path, strategy, file, change):
    checkpoint = copied(strategy)
    edit_tensors(checkpoint.path / file, change)
    open_checkpoint(checkpoint)
    with pytest.raises(CheckpointError, match=r"the saved model is not the trained model: .*expected at least 0\.9999"):
        encode(source=checkpoint, texts={"eval": [("x",)]}, out=tmp_path, progress=lambda *_: None)
    assert not (tmp_path / EMBEDDINGS).exists()


def test_embeddings_are_verified_once_when_they_are_first_read(checkpoints, tmp_path):
    ctx = Context(Store(tmp_path / "store"), InlineExecutor())
    arguments = {"source": checkpoints["base"], "texts": {"eval": [("tea",)]}}
    first, second = (Embeddings(ctx.artefact(ENCODE, **arguments)) for _ in range(2))
    assert first.digest == second.digest
    assert {"eval": (1, 32), "probes": (12, 32)} == {name: array.shape for name, array in first.arrays.items()}
    path = first.artefact.path / EMBEDDINGS
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert first.arrays is first.arrays
    with pytest.raises(StoreError, match="damaged artefact"):
        _ = second.arrays


def test_another_normalizer_shows_in_the_tokens_alone_and_empty_prompts_nowhere(checkpoints):
    from tokenizers.normalizers import BertNormalizer

    model = open_checkpoint(checkpoints["base"])  # other settings are rows of tests/faults
    before = settings_of(model)
    model.prompts = {"query": "", "document": ""}
    assert before == settings_of(model)
    model.tokenizer.backend_tokenizer.normalizer = BertNormalizer(lowercase=False)
    after = settings_of(model)
    assert {"tokens of the probe texts"} == {name for name in before if before[name] != after[name]}
