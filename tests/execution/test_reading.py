"""Files from outside are read with care: one sentence for whatever they are."""

import os

import pytest

from harness.errors import BaselineError
from harness.execution.reading import read_json, read_text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', 'not JSON: the key "a" stands twice'),
        (b"[" * 100_000, "not JSON: nested too deeply"),
        (b"\xff", "not UTF-8"),
        (b"1" * 5000, "not JSON: "),
        (b"<<<<<<< HEAD", "not JSON: "),
        (b"", "it is empty; save or upload it again"),
    ],
)
def test_what_is_no_json_is_one_sentence(tmp_path, content, said):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(BaselineError) as caught:
        read_json(path, BaselineError)
    assert str(caught.value).startswith(f"{path}: {said}")
    assert len(str(caught.value)) < 300


def test_only_regular_files_of_a_sane_size_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"12345")
    for name, said in (("pipe", "no regular file"), (".", "a directory"), ("large", "5 bytes, expected at most 4")):
        with pytest.raises(BaselineError, match=said):
            read_text(tmp_path / name, BaselineError, most=4)
    with pytest.raises(BaselineError, match="no regular file"):
        read_text(tmp_path.joinpath("/dev/zero"), BaselineError)
    for wrong in ("a\0b", "x" * 300, "none"):
        with pytest.raises(BaselineError, match="cannot be read"):
            read_text(tmp_path / wrong, BaselineError)
