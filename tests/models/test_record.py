"""What a training leaves beside its model comes back whole, or is refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from harness.errors import CheckpointError
from harness.models import PROBE_TEXTS, open_checkpoint, read_record
from harness.models.record import ARRAYS, RECORD, write_record


def error_of(path):
    with pytest.raises(CheckpointError) as caught:
        read_record(path)
    return str(caught.value)


def test_a_record_comes_back_as_it_was_written(tiny_inputs, tmp_path):
    base, pairs = tiny_inputs.base, tiny_inputs.train
    probes = np.random.default_rng(1).normal(size=(len(PROBE_TEXTS), 8)).astype(np.float32)
    write_record(tmp_path, base, pairs, probes, {"epochs": 3})
    record = read_record(tmp_path)
    assert (base.name, base.digest, pairs.digest) == (record.base_name, record.base_digest, record.pairs_digest)
    np.testing.assert_array_equal(probes, record.probes)
    np.testing.assert_array_equal(pairs.fingerprints, record.pairs)
    assert (np.dtype(np.float32), np.dtype(np.uint64)) == (record.probes.dtype, record.pairs.dtype)
    assert {"epochs": 3} == json.loads((tmp_path / RECORD).read_text(encoding="utf-8"))["recipe"]
    written = b"".join((tmp_path / name).read_bytes() for name in (RECORD, ARRAYS))
    assert [] == [text for text in pairs.texts if text.encode() in written]  # it gives no text away


@pytest.mark.parametrize("left", ["pairs", "probes"])
def test_a_record_without_one_of_its_arrays_is_refused(copied, left):
    path = copied("lora").path
    save_file({left: load_file(path / ARRAYS)[left]}, path / ARRAYS)
    assert error_of(path).startswith(f"{path / ARRAYS}: no probe embeddings can be read from it: ")


def test_half_a_record_is_refused_and_its_model_not_opened(copied):
    checkpoint = copied("lora")
    path = checkpoint.path / RECORD
    path.write_bytes(b'{"base_name": "tiny"}')
    assert error_of(checkpoint.path).startswith(f"{path}: cannot be read (")
    with pytest.raises(CheckpointError, match="cannot be read"):
        open_checkpoint(checkpoint)
