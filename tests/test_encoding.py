"""Embeddings are fp32, each text is encoded once, and a reopened model must be the one that was trained."""

from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness import encoding
from harness.checkpoints import PROBE_TEXTS, Checkpoint, open_checkpoint
from harness.checkpoints.record import ARRAYS
from harness.encoding import EMBEDDINGS, embed, encode, pair_scores, read_arrays, row_cosines, time_encoding

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

sizes = st.floats(-1000, 1000, width=32).filter(lambda value: value == 0 or abs(value) > 1e-3)
matrices = arrays(np.float32, (4, 3), elements=sizes)


def cosine(first: list[float], second: list[float]) -> float:
    lengths = math.hypot(*first) * math.hypot(*second)
    return math.fsum(a * b for a, b in zip(first, second, strict=True)) / lengths if lengths else math.nan


@given(matrices, matrices)
def test_row_cosines_are_those_of_a_plain_loop(first: NDArray[np.float32], second: NDArray[np.float32]) -> None:
    expected = [cosine(a, b) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    np.testing.assert_allclose(expected, row_cosines(first, second), rtol=0, atol=1e-12)


@given(matrices)
def test_a_cosine_never_leaves_its_range(rows: NDArray[np.float32]) -> None:
    cosines = row_cosines(rows, rows)
    assert np.all(np.isnan(cosines) | (cosines <= 1.0))
    assert np.all(np.isnan(cosines) | (cosines >= 1 - 1e-12))


def test_a_zero_row_has_no_cosine() -> None:
    zero, one = np.zeros((1, 2), np.float32), np.ones((1, 2), np.float32)
    assert [True] * 3 == [bool(np.isnan(row_cosines(*rows)[0])) for rows in [(zero, one), (one, zero), (zero, zero)]]


@given(matrices, st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_pair_scores_are_the_cosines_of_the_rows_whichever_text_comes_first(
    embeddings: NDArray[np.float32], sides: list[tuple[int, int]]
) -> None:
    rows = np.array(sides, dtype=np.int64)
    scores = pair_scores(embeddings, rows)
    np.testing.assert_array_equal(scores, pair_scores(embeddings, rows[:, ::-1]))
    expected = [cosine(embeddings[a].tolist(), embeddings[b].tolist()) for a, b in sides]
    np.testing.assert_allclose(expected, scores, rtol=0, atol=1e-12)


@pytest.mark.parametrize("strategy", ["base", "full", "lora"])
def test_encode_writes_float32_rows_for_texts_and_probes(
    checkpoints: dict[str, Checkpoint], tmp_path: Path, strategy: str
) -> None:
    seen: list[tuple[float, str]] = []
    texts = {"eval": ("i love tea", "i hate tea", "x"), "train": ("x", "tea")}
    facts = encode(checkpoints[strategy], texts, tmp_path, lambda *said: seen.append(said))
    found = read_arrays(tmp_path / EMBEDDINGS)
    shapes = {"eval": (3, 32), "train": (2, 32), "probes": (12, 32)}
    shapes |= {"unmerged_probes": (12, 32)} if strategy == "lora" else {}
    assert shapes == {name: array.shape for name, array in found.items()}
    assert {np.dtype(np.float32)} == {array.dtype for array in found.values()}
    np.testing.assert_array_equal(found["eval"][2], found["train"][0])
    assert [(1.0, "text 4/4")] == seen
    assert (4, "cpu", 23744) == (facts["texts"], facts["device"], facts["parameters"])
    assert facts == json.loads(json.dumps(facts, allow_nan=False))


def test_a_merged_adapter_computes_what_the_unmerged_one_does(
    checkpoints: dict[str, Checkpoint], tmp_path: Path
) -> None:
    encode(checkpoints["lora"], {"eval": ("x",)}, tmp_path, lambda *_: None)
    found = read_arrays(tmp_path / EMBEDDINGS)
    np.testing.assert_allclose(found["unmerged_probes"], found["probes"], atol=1e-5)
    assert row_cosines(found["probes"], embed(open_checkpoint(checkpoints["base"]), PROBE_TEXTS)).mean() < 0.99


def test_each_text_is_encoded_once_and_in_chunks_that_do_not_matter(
    checkpoints: dict[str, Checkpoint], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_inputs: Any
) -> None:
    real, seen, shares = encoding.embed, [], []

    def counting(model: Any, texts: Any, **options: Any) -> NDArray[np.float32]:
        seen.extend(texts)
        return real(model, texts, **options)

    texts = tiny_inputs.eval.texts
    (tmp_path / "whole").mkdir()
    encode(checkpoints["base"], {"eval": texts}, tmp_path / "whole", lambda *_: None)
    monkeypatch.setattr(encoding, "embed", counting)
    monkeypatch.setattr(encoding, "_CHUNK", 7)
    encode(checkpoints["base"], {"eval": texts, "again": texts[:3]}, tmp_path, lambda share, _: shares.append(share))
    assert sorted([*PROBE_TEXTS, *texts]) == sorted(seen)
    assert sorted(shares) == shares
    assert (-(-len(texts) // 7), 1.0) == (len(shares), shares[-1])
    whole, chunked = (read_arrays(path / EMBEDDINGS)["eval"] for path in (tmp_path / "whole", tmp_path))
    np.testing.assert_allclose(whole, chunked, atol=1e-6)


def test_the_embedding_of_a_text_does_not_depend_on_its_neighbours(checkpoints: dict[str, Checkpoint]) -> None:
    model = open_checkpoint(checkpoints["base"])
    together = embed(model, PROBE_TEXTS)
    alone = np.concatenate([embed(model, [text]) for text in PROBE_TEXTS])
    np.testing.assert_allclose(alone, together, atol=1e-6)
    np.testing.assert_allclose(together[::-1], embed(model, PROBE_TEXTS[::-1], batch_size=5), atol=1e-6)


def test_timing_yields_the_seconds_of_each_batch_that_is_asked_for(checkpoints: dict[str, Checkpoint]) -> None:
    timing = time_encoding(checkpoints["base"], PROBE_TEXTS)
    assert next(timing) is None
    assert all(0 < timing.send(size) < 10 for size in (1, 12, 5))


def test_weights_of_another_training_are_not_the_trained_model(
    checkpoints: dict[str, Checkpoint], train_tiny: Any, tmp_path: Path
) -> None:
    train_tiny("standard", tmp_path / "other", seed=9)
    swapped = tmp_path / "swapped"
    shutil.copytree(checkpoints["full"].path, swapped)
    shutil.copy(tmp_path / "other" / "model.safetensors", swapped)
    with pytest.raises(encoding.CheckpointError, match="swapped: the saved model is not the trained model: "):
        encode(Checkpoint("full", checkpoints["full"].base, swapped), {"eval": ("x",)}, tmp_path, lambda *_: None)
    assert not (tmp_path / EMBEDDINGS).exists()


@pytest.mark.parametrize("shape", [(12, 16), (11, 32)], ids=["dimension", "count"])
def test_recorded_probes_of_another_shape_are_not_the_trained_models(
    checkpoints: dict[str, Checkpoint], tmp_path: Path, shape: tuple[int, int]
) -> None:
    from safetensors.numpy import save_file

    copy = tmp_path / "copy"
    shutil.copytree(checkpoints["full"].path, copy)
    save_file({"probes": np.ones(shape, np.float32), "pairs": np.ones(1, np.uint64)}, copy / ARRAYS)
    with pytest.raises(encoding.CheckpointError, match="the saved model is not the trained model"):
        encode(Checkpoint("full", checkpoints["full"].base, copy), {"eval": ("x",)}, tmp_path, lambda *_: None)


@pytest.mark.parametrize("damage", ["missing", "truncated", "no embeddings in it"])
def test_probes_that_cannot_be_read_are_a_checkpoint_error(
    checkpoints: dict[str, Checkpoint], tmp_path: Path, damage: str
) -> None:
    from safetensors.numpy import save_file

    copy = tmp_path / "copy"
    shutil.copytree(checkpoints["full"].path, copy)
    path = copy / ARRAYS
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:100])
    else:
        save_file({"other": np.ones((12, 32), np.float32)}, path)
    with pytest.raises(encoding.CheckpointError, match=r"training\.safetensors: no probe embeddings can be read"):
        encode(Checkpoint("full", checkpoints["full"].base, copy), {"eval": ("x",)}, tmp_path, lambda *_: None)
