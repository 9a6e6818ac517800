"""JSON and safetensors are read whole, or refused with the file's name."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness.errors import CheckpointError
from harness.execution import file_digest
from harness.models.files import files_digest, read_object, read_tensors, tensor_shapes


def error_of(function, *arguments):
    with pytest.raises(CheckpointError) as caught:
        function(*arguments)
    return str(caught.value)


def test_files_that_the_output_depends_on_count_by_name_and_content_and_others_on_request(tmp_path):
    digests = set()
    for name, content in (("spiece.model", "one"), ("spiece.model", "two"), ("other.json", "two")):
        (tmp_path / name).write_text(content, encoding="utf-8")
        digest, found = files_digest(tmp_path)
        digests.add(digest)
        assert {name: file_digest(tmp_path / name)} == found
        (tmp_path / name).unlink()
    assert 3 == len(digests)
    (tmp_path / "README.md").write_text("text", encoding="utf-8")
    assert {} == files_digest(tmp_path)[1]
    assert {"README.md": file_digest(tmp_path / "README.md")} == files_digest(tmp_path, also=["README.md"])[1]


def test_what_is_no_object_with_the_keys_is_refused(tmp_path):
    path = tmp_path / "c.json"
    assert error_of(read_object, path, "r").startswith(f"{path}: cannot be read: No such file or directory; expected r")
    for content, said in (
        (b'{"r": "\xff"}', "not UTF-8 (byte 8); expected r"),
        (b"[" * 5000, "not JSON: nested too deeply; expected r"),
        (b'{"r": 1, "r": 2}', 'not JSON: the key "r" stands twice in an object; expected r'),
        (b"null", "cannot be read (it holds NoneType); expected r"),
        (b'{"b": 1, "a": 2}', "cannot be read (it holds a, b); expected r"),
    ):
        path.write_bytes(content)
        assert error_of(read_object, path, "r").startswith(f"{path}: {said}")


def test_tensors_are_read_as_they_were_stored_and_shapes_from_the_header(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({"b": np.ones((2, 3), np.float32), "a": np.zeros(4, np.float16)}, path)
    tensors = {name: tensor.numpy() for name, tensor in read_tensors(path).items()}
    assert {"a": np.dtype(np.float16), "b": np.dtype(np.float32)} == {n: t.dtype for n, t in tensors.items()}
    np.testing.assert_array_equal(np.ones((2, 3)), tensors["b"])
    assert {"a": (4,), "b": (2, 3)} == tensor_shapes(path)
    for content in (path.read_bytes()[:-1], b"", b"\x02\0\0\0\0\0\0\0[]"):
        path.write_bytes(content)
        for read in (tensor_shapes, read_tensors):
            assert error_of(read, path).startswith(f"{path}: cannot be read as safetensors: ")
