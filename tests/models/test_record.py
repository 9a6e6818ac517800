"""What a training leaves beside its model comes back whole, or is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from harness.errors import CheckpointError
from harness.models import PROBE_TEXTS, Checkpoint, open_checkpoint, read_record
from harness.models.record import ARRAYS, RECORD, write_record


def error_of(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_record(path)
    return str(caught.value)


def test_a_record_comes_back_as_it_was_written(tiny_inputs: Any, tmp_path: Path) -> None:
    base, pairs = tiny_inputs.base, tiny_inputs.train
    probes = np.random.default_rng(1).normal(size=(len(PROBE_TEXTS), 8)).astype(np.float32)
    write_record(tmp_path, base, pairs, probes, {"epochs": 3})
    record = read_record(tmp_path)
    assert record is not None
    assert record.probes is not None
    assert (base.name, base.digest, pairs.digest) == (record.base_name, record.base_digest, record.pairs_digest)
    np.testing.assert_array_equal(probes, record.probes)
    np.testing.assert_array_equal(pairs.fingerprints, record.pairs)
    assert (np.dtype(np.float32), np.dtype(np.uint64)) == (record.probes.dtype, record.pairs.dtype)
    assert {"epochs": 3} == json.loads((tmp_path / RECORD).read_text(encoding="utf-8"))["recipe"]
    written = b"".join((tmp_path / name).read_bytes() for name in (RECORD, ARRAYS))
    assert [] == [text for text in pairs.texts if text.encode() in written]  # it gives no text away


NO_ARRAYS: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "no-probes": lambda path: save_file({"pairs": load_file(path)["pairs"]}, path),
    "no-pairs": lambda path: save_file({"probes": load_file(path)["probes"]}, path),
}


@pytest.mark.parametrize("damage", NO_ARRAYS.values(), ids=NO_ARRAYS)
def test_a_record_without_its_arrays_is_refused(
    copied: Callable[[str], Checkpoint], damage: Callable[[Path], object]
) -> None:
    path = copied("lora").path
    damage(path / ARRAYS)
    assert error_of(path).startswith(f"{path / ARRAYS}: no probe embeddings can be read from it: ")


@pytest.mark.parametrize("content", [None, b"{", b'{"base_name": "tiny"}'], ids=["missing", "half", "no-digest"])
def test_half_a_record_is_refused_and_its_model_not_opened(
    copied: Callable[[str], Checkpoint], content: bytes | None
) -> None:
    checkpoint = copied("lora")
    path = checkpoint.path / RECORD
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert error_of(checkpoint.path).startswith(f"{path}: cannot be read (")
    with pytest.raises(CheckpointError, match="cannot be read"):
        open_checkpoint(checkpoint)
