"""JSON and safetensors are read whole, or refused with the file's name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness.errors import CheckpointError
from harness.execution import file_digest
from harness.models.files import files_digest, read_json, read_tensors, tensor_shapes


def error_of(function: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        function(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("name", ["spiece.model", "a/b.safetensors"])
def test_every_file_that_the_output_depends_on_counts(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").mkdir()
    digests = [files_digest(tmp_path)[0]]
    for content in ("one", "two"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        digest, found = files_digest(tmp_path)
        digests.append(digest)
        assert {name: file_digest(tmp_path / name)} == found
    (tmp_path / name).rename(tmp_path / "other.json")
    assert 4 == len({*digests, files_digest(tmp_path)[0]})


@pytest.mark.parametrize("name", ["README.md", "pytorch_model.bin"])
def test_any_other_file_counts_only_on_request(tmp_path: Path, name: str) -> None:
    before = files_digest(tmp_path)
    (tmp_path / name).write_text("text", encoding="utf-8")
    assert before == files_digest(tmp_path)
    assert {name: file_digest(tmp_path / name)} == files_digest(tmp_path, also=[name])[1]


NO_OBJECT = {
    "missing": (None, "cannot be read ([Errno 2] No such file"),
    "not-utf-8": (b'{"r": "\xff"}', "cannot be read ('utf-8' codec"),
    "null": (b"null", "cannot be read (it holds NoneType); expected r"),
    "no-key": (b'{"b": 1, "a": 2}', "cannot be read (it holds a, b); expected r"),
    "nothing": (b"{}", "cannot be read (it holds nothing); expected r"),
}


@pytest.mark.parametrize(("content", "said"), NO_OBJECT.values(), ids=NO_OBJECT)
def test_what_is_no_object_with_the_keys_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "c.json"
    if content is not None:
        path.write_bytes(content)
    message = error_of(read_json, path, "r")
    assert message.startswith(f"{path}: {said}")
    assert message.endswith("expected r")


def test_tensors_are_read_as_they_were_stored_and_shapes_from_the_header(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"b": np.ones((2, 3), np.float32), "a": np.zeros(4, np.float16)}, path)
    tensors = {name: tensor.numpy() for name, tensor in read_tensors(path).items()}
    assert {"a": np.dtype(np.float16), "b": np.dtype(np.float32)} == {n: t.dtype for n, t in tensors.items()}
    np.testing.assert_array_equal(np.ones((2, 3)), tensors["b"])
    assert {"a": (4,), "b": (2, 3)} == tensor_shapes(path)
    path.write_bytes(path.read_bytes()[:-1])
    for read in (tensor_shapes, read_tensors):
        assert error_of(read, path).startswith(f"{path}: cannot be read as safetensors: ")


@pytest.mark.parametrize("read", [tensor_shapes, read_tensors])
@pytest.mark.parametrize("content", [b"", b"\x02\0\0\0\0\0\0\0[]"], ids=["empty", "list"])
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, read: Callable[[Path], Any], content: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    assert error_of(read, path).startswith(f"{path}: cannot be read as safetensors: ")


def test_a_missing_file_of_weights_is_named_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").touch()
    expected = f"{tmp_path}: no w.safetensors in it (found: pytorch_model.bin); only safetensors are opened"
    assert expected == error_of(read_tensors, tmp_path / "w.safetensors")
    assert error_of(tensor_shapes, tmp_path / "w.safetensors").startswith(f"{tmp_path / 'w.safetensors'}: ")
