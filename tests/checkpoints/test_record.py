"""What a training leaves beside its model comes back whole, or is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from harness.checkpoints import PROBE_TEXTS, Checkpoint, open_checkpoint, read_record, write_record
from harness.checkpoints.record import ARRAYS, RECORD
from harness.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def error_of(function: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        function(*arguments)
    return str(caught.value)


def test_a_model_that_was_not_trained_has_no_record(checkpoints: dict[str, Checkpoint]) -> None:
    assert read_record(checkpoints["base"].path) is None


def test_a_record_comes_back_as_it_was_written(tiny_inputs: Any, tmp_path: Path) -> None:
    base, pairs = tiny_inputs.base, tiny_inputs.train
    probes = np.random.default_rng(1).normal(size=(len(PROBE_TEXTS), 8)).astype(np.float32)
    write_record(tmp_path, base, pairs, probes, {"epochs": 3})
    record = read_record(tmp_path)
    assert record is not None
    assert (base.name, base.digest, pairs.digest) == (record.base_name, record.base_digest, record.pairs_digest)
    np.testing.assert_array_equal(probes, record.probes)
    np.testing.assert_array_equal(pairs.fingerprints, record.pairs)
    assert (np.dtype(np.float32), np.dtype(np.uint64)) == (record.probes.dtype, record.pairs.dtype)  # type: ignore[union-attr]


def test_a_record_gives_no_text_away(checkpoints: dict[str, Checkpoint], tiny_inputs: Any) -> None:
    written = b"".join((checkpoints["lora"].path / name).read_bytes() for name in (RECORD, ARRAYS))
    assert [] == [text for text in tiny_inputs.train.texts if text.encode() in written]


def test_the_probes_of_other_texts_are_not_compared(copied: Callable[[str], Checkpoint]) -> None:
    path = copied("lora").path
    content = json.loads((path / RECORD).read_text(encoding="utf-8"))
    (path / RECORD).write_text(json.dumps({**content, "probe_texts_digest": "0" * 64}), encoding="utf-8")
    record = read_record(path)
    assert record is not None
    assert (None, 252) == (record.probes, len(record.pairs))


NO_ARRAYS: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\x80\x02}q\x00." * 100),
    "half": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "no-probes": lambda path: save_file({"pairs": load_file(path)["pairs"]}, path),
    "no-pairs": lambda path: save_file({"probes": load_file(path)["probes"]}, path),
}


@pytest.mark.parametrize("damage", NO_ARRAYS.values(), ids=NO_ARRAYS)
def test_a_record_without_its_arrays_is_refused(
    copied: Callable[[str], Checkpoint], damage: Callable[[Path], object]
) -> None:
    path = copied("lora").path
    damage(path / ARRAYS)
    assert error_of(read_record, path).startswith(f"{path / ARRAYS}: no probe embeddings can be read from it: ")


def test_the_record_names_the_base_and_the_recipe(checkpoints: dict[str, Checkpoint]) -> None:
    record = json.loads((checkpoints["lora"].path / RECORD).read_text(encoding="utf-8"))
    assert ("tiny", checkpoints["lora"].base.digest) == (record["base_name"], record["base_digest"])
    assert ("lora", 4) == (record["recipe"]["strategy"], record["recipe"]["lora"]["rank"])
    assert (checkpoints["lora"].path / ARRAYS).is_file()


@pytest.mark.parametrize("strategy", ["full", "lora"])
@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"{}", b"[]", b"null", b'{"base_name": "tiny"}', b"\xff"],
    ids=["missing", "empty", "half", "no-keys", "list", "null", "no-digest", "not-utf-8"],
)
def test_a_model_with_half_a_record_is_refused(
    copied: Callable[[str], Checkpoint], strategy: str, content: bytes | None
) -> None:
    checkpoint = copied(strategy)
    path = checkpoint.path / RECORD
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert error_of(open_checkpoint, checkpoint).startswith(f"{path}: cannot be read (")
